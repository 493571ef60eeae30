/* SPDX-License-Identifier: MIT */
/*
 * Time of day: UTC of the moment at which system time was 0, read from the
 * battery clock at boot, changed by the control domain, told to every domain
 * in its shared page.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/spinlock.h>

#include <asm/time.h>
#include <asm/x86.h>

#define CMOS_INDEX   0x70
#define CMOS_DATA    0x71
#define RTC_SECONDS  0x00
#define RTC_MINUTES  0x02
#define RTC_HOURS    0x04
#define RTC_DAY      0x07
#define RTC_MONTH    0x08
#define RTC_YEAR     0x09
#define RTC_A        0x0a
#define RTC_A_UIP    0x80
#define RTC_B        0x0b
#define RTC_B_24H    0x02
#define RTC_B_BINARY 0x04
#define HOUR_PM      0x80
#define UIP_SPINS    10000 /* an update takes 2 ms at most */

/* Guards base_ns, and with it all wc_* fields of shared pages. */
static spinlock_t wallclock_lock = SPINLOCK_INIT(LOCK_RANK_TIME);
static uint64_t base_ns;

static uint8_t __init cmos_read(uint8_t reg)
{
    outb(reg, CMOS_INDEX);
    return inb(CMOS_DATA);
}

struct rtc_time {
    uint8_t sec, min, hour, day, month, year;
};

static struct rtc_time __init rtc_fields(void)
{
    return (struct rtc_time){cmos_read(RTC_SECONDS), cmos_read(RTC_MINUTES),
                             cmos_read(RTC_HOURS),   cmos_read(RTC_DAY),
                             cmos_read(RTC_MONTH),   cmos_read(RTC_YEAR)};
}

/* Twice the same outside of an update: nothing changed meanwhile. */
static struct rtc_time __init rtc_stable(void)
{
    struct rtc_time a, b;

    for (unsigned int tries = 0; tries < 10; tries++) {
        for (unsigned int i = 0; i < UIP_SPINS; i++)
            if (!(cmos_read(RTC_A) & RTC_A_UIP))
                break;
        a = rtc_fields();
        b = rtc_fields();
        if (!memcmp(&a, &b, sizeof(a)))
            break;
    }
    return a;
}

static unsigned int __init from_bcd(uint8_t v, bool binary)
{
    return binary ? v : (v >> 4) * 10U + (v & 0xf);
}

/* Days from 1970-01-01; the year begins in March so that the leap day ends
 * it. */
static uint64_t __init days_since_1970(unsigned int y, unsigned int m,
                                       unsigned int d)
{
    unsigned int shifted = (m + 9) % 12;

    y -= m <= 2;
    return 365UL * y + y / 4 - y / 100 + y / 400 + (shifted * 153 + 2) / 5 + d -
           1 - 719468;
}

uint64_t __init rtc_read(void)
{
    struct rtc_time t = rtc_stable();
    uint8_t mode = cmos_read(RTC_B);
    bool binary = mode & RTC_B_BINARY, pm = t.hour & HOUR_PM;
    unsigned int hour = from_bcd(t.hour & ~HOUR_PM, binary);

    if (!(mode & RTC_B_24H))
        hour = hour % 12 + (pm ? 12 : 0);
    return days_since_1970(2000 + from_bcd(t.year, binary),
                           from_bcd(t.month, binary), from_bcd(t.day, binary)) *
               86400 +
           hour * 3600 + from_bcd(t.min, binary) * 60 + from_bcd(t.sec, binary);
}

uint64_t wallclock_base_ns(void)
{
    return READ_ONCE(base_ns);
}

void __init wallclock_init(void)
{
    base_ns = rtc_read() * NSEC_PER_SEC - (uint64_t)now_ns();
}

static void write_shared(struct domain *d)
{
    struct shared_info *s = d->shared_info;
    uint64_t at = base_ns + (uint64_t)d->time_offset_ns;
    uint32_t version = (s->wc_version + 1) | 1;

    WRITE_ONCE(s->wc_version, version);
    smp_wmb();
    s->wc_sec = (uint32_t)(at / NSEC_PER_SEC);
    s->wc_sec_hi = (uint32_t)(at / NSEC_PER_SEC >> 32);
    s->wc_nsec = (uint32_t)(at % NSEC_PER_SEC);
    smp_wmb();
    WRITE_ONCE(s->wc_version, version + 1);
}

void arch_wallclock_update(struct domain *d)
{
    spin_lock(&wallclock_lock);
    if (d->shared_info)
        write_shared(d);
    spin_unlock(&wallclock_lock);
}

/* The caller then updates every domain. */
void wallclock_set(uint64_t secs, uint32_t nsecs, s_time_t at_system_time)
{
    spin_lock(&wallclock_lock);
    WRITE_ONCE(base_ns, secs * NSEC_PER_SEC + nsecs - (uint64_t)at_system_time);
    spin_unlock(&wallclock_lock);
}
