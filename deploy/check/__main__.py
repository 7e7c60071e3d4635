# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the checks of deploy/ and prints one line for each; deploy/check.sh is the way in."""

import argparse
import os
import sys

import configs
import container
import manifests
import selftest
import units
from report import Report


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy/check.sh", description=__doc__)
    parser.add_argument("--self-test", action="store_true", help="only show that broken input is refused")
    only_self_test = parser.parse_args().self_test
    binary = os.environ.get("INFERWATCH_BIN")

    report = Report()
    if not only_self_test:
        units.check(report)
        container.check(report)
        manifests.check(report)
        configs.check(report, binary)
    selftest.check(report, binary)
    return report.finish()


sys.exit(main())
