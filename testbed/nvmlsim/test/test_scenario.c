// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// What a scenario may say, and what is said of one that is wrong.
#include "scenario.h"
#include "test.h"

static const struct {
    const char *line, *reason;
} wrong[] = {
    {"epocj 1", "unknown statement epocj"},
    {"epoch x", "must be a number from 0 to 1e+12, found x"},
    {"clock running", "must be: clock fixed <t>"},
    {"driver 1 from=5\ndriver 2 from=3", "drivers must be in the order of from, and at most 16"},
    {"cuda 12", "must be: cuda <major>.<minor>"},
    {"latency slow", "must be: latency none, realistic, or <call>=<microseconds>, found slow"},
    {"latency DeviceGetNothing=5", "unknown call DeviceGetNothing"},
    {"gpu 1 board L4", "GPU 0 must be declared before GPU 1"},
    {"gpu 0 board L5", "unknown board L5"},
    {"gpu 64 board L4", "must be a whole number from 0 to 63, found 64"},
    {"gpu 0 board L4\ngpu 0 board L4", "GPU 0 has a board already"},
    {"gpu 0 load idle", "no GPU is declared yet"},
    {"gpu 0 board L4\ngpu 1 load idle", "must be a whole number from 0 to 0, found 1"},
    {"gpu 0 board L4\ngpu 0 mig 1g.10gb", "board L4 has no MIG"},
    {"gpu 0 board H100-SXM5-80GB\ngpu 0 mig 1g.5gb", "board H100-SXM5-80GB has no MIG profile 1g.5gb"},
    {"gpu 0 board H100-SXM5-80GB\ngpu 0 mig 3g.40gb*2,2g.20gb", "the MIG layout does not fit on board H100-SXM5-80GB"},
    {"gpu 0 board L4\ngpu 0 load sine low=0.9 high=0.1", "low must not be above high"},
    {"gpu 0 board L4\ngpu 0 load sine lov=0.9", "unknown word lov=0.9"},
    {"gpu 0 board L4\ngpu 0 load constant", "level= is missing"},
    {"gpu 0 board L4\ngpu 0 load constant level=2", "level must be a number from 0 to 1, found 2"},
    {"gpu 0 board L4\ngpu 0 load steps 5:1 2:0", "points must be in the order of t"},
    {"gpu 0 board L4\ngpu 0 load square", "unknown curve square"},
    {"gpu 0 board L4\ngpu 0 nvlink rx=1", "board L4 has no NVLink"},
    {"gpu 0 board L4\ngpu 0 power limit=90", "limit must be a whole number from 40 to 72, found 90"},
    {"gpu 0 board L4\ngpu 0 memory 5GB", "must be a size with B, KiB, MiB or GiB, found 5GB"},
    {"gpu 0 board L4\nprocess gpu=0", "pid= is missing"},
    {"gpu 0 board A100-SXM4-80GB\nprocess gpu=0 pid=1 enc=0.1", "board A100-SXM4-80GB has no encoder"},
    {"gpu 0 board L4\nat 1 xid gpu=0", "code= is missing"},
    {"gpu 0 board L4\nat 1 xid code=3", "gpu= is missing"},
    {"gpu 0 board L4\nat 1 retire gpu=0 kind=sbe", "board L4 does not retire pages"},
    {"gpu 0 board RTX-4090\nat 1 ecc gpu=0 kind=sbe", "board RTX-4090 has no ECC, or it is off"},
    {"gpu 0 board V100\nat 1 link_down gpu=0 link=6 for=1", "link must be below 6 on board V100, found 6"},
    {"gpu 0 board L4\nat 1 throttle gpu=0 reason=tired for=1", "unknown throttle reason tired"},
    {"gpu 0 board L4\nat 1 throttle gpu=0 reason=sw_thermal for=3 every=2", "for must not be above every"},
    {"fault old_driver", "the old driver is a build: load old/libnvidia-ml.so.1 (old_driver)"},
    {"fault nothing", "unknown fault nothing"},
    {"fault call_hangs call=DeviceGetNothing", "unknown call DeviceGetNothing"},
    {"fault call_slow", "seconds= is missing"},
    {"fault call_fails code=HUNGRY", "unknown return code HUNGRY"},
    {"fault gpu_reset", "at= is missing"},
    {"fault garbage what=all", "unknown group all of garbage"},
    {"fault mig_change", "mig_change must have gpu= and layout="},
};

// What scenario_read says on stderr of the text.
static void complaint(const char *text, char *out, size_t size) {
    char path[4200];
    (void)snprintf(path, sizeof path, "%s.err", scenario_path());
    scenario_write(text);
    int before = dup(2);
    CHECK(freopen(path, "w+", stderr) != NULL);
    CHECK(scenario_read(scenario_path(), 0) == NULL);
    (void)fflush(stderr);
    FILE *said = fopen(path, "r");
    CHECK(said != NULL && fgets(out, (int)size, said) != NULL);
    (void)fclose(said);
    CHECK(dup2(before, 2) >= 0);
    (void)close(before);
    (void)unlink(path);
}

static void check_wrong(void) {
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char said[8192], want[8192];
        int lines = 1;
        for (const char *c = wrong[i].line; *c != '\0'; c++) {
            lines += *c == '\n';
        }
        complaint(wrong[i].line, said, sizeof said);
        (void)snprintf(want, sizeof want, "%s:%d: %s\n", scenario_path(), lines, wrong[i].reason);
        if (strcmp(said, want) != 0) {
            (void)fprintf(stderr, "%s\n said %s want %s", wrong[i].line, said, want);
            exit(1);
        }
    }
}

static void check_shipped(int files, char **paths) {
    CHECK(files > 0);
    for (int i = 0; i < files; i++) {
        struct scenario *s = scenario_read(paths[i], unix_now());
        CHECK(s != NULL && s->gpus > 0);
        scenario_free(s);
    }
}

// Random changes to the shipped scenarios: whatever comes out is read or refused, under the sanitizers.
static void fuzz(int files, char **paths) {
    enum { ROUNDS = 4000, MAX_TEXT = 8192 };
    unsigned seed = 1;
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    for (int round = 0; round < ROUNDS; round++) {
        char text[MAX_TEXT];
        FILE *file = fopen(paths[round % files], "r");
        CHECK(file != NULL);
        size_t length = fread(text, 1, sizeof text - 1, file);
        (void)fclose(file);
        for (int change = 0; change < 1 + round % 8; change++) {
            size_t at = (size_t)rand_r(&seed) % length;
            static const char alphabet[] = "0123456789 =:,-*/.#\nabegmx\t%";
            switch (rand_r(&seed) % 3) {
            case 0:
                text[at] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
                break;
            case 1:
                memmove(text + at, text + at + 1, length - at - 1);
                length--;
                break;
            default:
                text[at] = text[(size_t)rand_r(&seed) % length];
            }
        }
        text[length] = '\0';
        scenario_write(text);
        scenario_free(scenario_read(scenario_path(), unix_now()));
    }
}

int main(int argc, char **argv) {
    check_wrong();
    check_shipped(argc - 1, argv + 1);
    fuzz(argc - 1, argv + 1);
    scenario_remove();
    (void)puts("ok scenario");
    return 0;
}
