// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Energy, bytes and throttle times are the integrals of what is read beside them, for every curve, across throttling and resets.
#include "physics.h"
#include "test.h"

static const char *const curves[] = {
    "constant level=0.4",
    "sine period=7 low=0.2 high=0.95 phase=1.5",
    "linear 2:0.1 5:0.9 9:0.3",
    "linear period=6 0:0.1 3:0.9 6:0.1",
    "steps 1:0.2 4:1 8:0",
    "steps period=5 0:0.3 2:0.7",
    "sine period=3 low=0 high=1\ngpu 0 load constant level=0.7 from=6\ngpu 0 load linear 0:0 20:1 from=11.25",
};

// Midpoints: exact where the power is linear in the time, and as good as a step is short elsewhere.
static double integral(double (*f)(const struct scenario *, int, double), const struct scenario *s, double a, double b) {
    enum { STEPS = 200000 };
    double sum = 0, step = (b - a) / STEPS;
    for (int i = 0; i < STEPS; i++) {
        sum += f(s, 0, a + (i + 0.5) * step);
    }
    return sum * step;
}

static struct scenario *read_text(const char *text) {
    scenario_write(text);
    struct scenario *s = scenario_read(scenario_path(), 0);
    CHECK(s != NULL);
    return s;
}

static void check_curve(const char *curve, const char *more) {
    char text[1024];
    (void)snprintf(text, sizeof text, "clock fixed 3.3\ngpu 0 board H100-SXM5-80GB\ngpu 0 load %s\n%s", curve, more);
    struct scenario *s = read_text(text);
    static const double ends[][2] = {{0, 0.5}, {0.25, 4}, {3, 12.75}, {0, 19.5}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        double a = ends[i][0], b = ends[i][1];
        double energy = gpu_energy_mj(s, 0, b) - gpu_energy_mj(s, 0, a), want = 1000 * integral(gpu_power_w, s, a, b);
        CHECK_NEAR(energy, want, 1e-4 * want);
        double bytes = (double)all_link_bytes(s, 0, TX, b) - (double)all_link_bytes(s, 0, TX, a);
        double traffic = s->gpu[0].nvlink_rate[TX] * integral(gpu_activity, s, a, b);
        CHECK_NEAR(bytes, traffic, 1e-4 * traffic + 100);
    }
    scenario_free(s);
}

static void check_reset(void) {
    struct scenario *s = read_text("clock fixed 100\ngpu 0 board H100-SXM5-80GB\ngpu 0 load constant level=0.5\n"
                                   "fault gpu_reset gpu=0 at=40\ndriver 580.1\ndriver 580.2 from=70\n"
                                   "at 10 ecc gpu=0 kind=sbe count=2 every=20\nat 0 throttle gpu=0 reason=sw_power_cap for=2 every=10");
    CHECK_NEAR(gpu_energy_mj(s, 0, 39.999), 1000 * integral(gpu_power_w, s, 0, 39.999), 1e3);
    CHECK_NEAR(gpu_energy_mj(s, 0, 40), 0, 1e-6);
    CHECK_NEAR(gpu_energy_mj(s, 0, 100), 1000 * integral(gpu_power_w, s, 70, 100), 1e3);
    CHECK_INT(gpu_throttle_ns(s, 0, REASON_SW_POWER_CAP, 69) / 1000000, 6000);
    CHECK_INT(gpu_throttle_ns(s, 0, REASON_SW_POWER_CAP, 70), 0);
    CHECK_INT(gpu_throttle_ns(s, 0, REASON_SW_POWER_CAP, 101) / 1000000, 7000);
    CHECK_INT(gpu_throttle_ns(s, 0, REASON_HW_THERMAL, 101), 0);
    scenario_free(s);
}

static void check_wrap(void) {
    struct scenario *s = read_text("clock fixed 0\ngpu 0 board H100-SXM5-80GB\ngpu 0 load constant level=1\n"
                                   "gpu 0 pcie tx=1000 rx=500 start_tx=4294967000");
    CHECK_INT(pcie_counter(s, 0, TX, 0.25), 4294967250);
    CHECK_INT(pcie_counter(s, 0, TX, 1), 4294967000 + 1000 - (1LL << 32));
    CHECK_INT(pcie_counter(s, 0, RX, 1), 500);
    scenario_free(s);
}

static void check_link_down(void) {
    struct scenario *s = read_text("clock fixed 0\ngpu 0 board V100\ngpu 0 load constant level=1\ngpu 0 nvlink tx=6000 rx=600\n"
                                   "at 10 link_down gpu=0 link=2 for=5");
    CHECK_INT(link_bytes(s, 0, 1, TX, 20), 20000);
    CHECK_INT(link_bytes(s, 0, 2, TX, 20), 15000);
    CHECK_INT(all_link_bytes(s, 0, TX, 20), 115000);
    CHECK(!link_active(s, 0, 2, 12) && link_active(s, 0, 2, 15) && !link_active(s, 0, 6, 12));
    scenario_free(s);
}

int main(void) {
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        check_curve(curves[i], "");
        check_curve(curves[i], "at 2 throttle gpu=0 reason=sw_power_cap for=1.5\n"
                               "at 3 throttle gpu=0 reason=hw_thermal for=2\n"
                               "at 0.3 throttle gpu=0 reason=sync_boost for=0.1 every=0.7\n");
    }
    check_reset();
    check_wrap();
    check_link_down();
    scenario_remove();
    (void)puts("ok integrals");
    return 0;
}
