/* SPDX-License-Identifier: MIT */
/*
 * 16550 serial port: output by polling, input by polling or by interrupt.
 * Options: com1=BAUD[,8n1[,PORT[,IRQ]]], com2=... ; console= chooses which.
 */
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/console_sink.h>
#include <hv/lib.h>

#include <asm/x86.h>

/* Registers, by offset from the base port. */
#define UART_DATA        0
#define UART_IER         1
#define IER_RECEIVE      0x01
#define UART_FCR         2
#define FCR_ENABLE_CLEAR 0x07
#define UART_LCR         3
#define LCR_8N1          0x03
#define LCR_DLAB         0x80
#define UART_DLL         0
#define UART_DLM         1
#define UART_MCR         4
#define MCR_DTR_RTS_OUT2 0x0b
#define UART_LSR         5
#define LSR_DATA_READY   0x01
#define LSR_THR_EMPTY    0x20
#define UART_SCRATCH     7
#define NR_PORTS         8

#define CLOCK_HZ   1843200
#define FIFO_BYTES 16
#define SPIN_MAX   100000 /* a line that never gets ready is left alone */

struct uart {
    struct console_sink sink;
    uint16_t port;
    int irq;
    unsigned int baud; /* 0: as the firmware left it */
    uint8_t lcr;
    bool present;
};

static void write_com1(const char *buf, size_t len);
static void write_com2(const char *buf, size_t len);
static void poll_com1(void);
static void poll_com2(void);

static struct uart uart[2] = {
    {.sink = {.name = "com1", .write = write_com1, .poll = poll_com1},
     .port = 0x3f8,
     .irq = 4,
     .baud = 115200,
     .lcr = LCR_8N1},
    {.sink = {.name = "com2", .write = write_com2, .poll = poll_com2},
     .port = 0x2f8,
     .irq = 3,
     .baud = 115200,
     .lcr = LCR_8N1},
};

/* "8n1": data bits, parity, stop bits. */
static int __init parse_format(struct uart *u, const char *s)
{
    if (s[0] < '5' || s[0] > '8' || (s[2] != '1' && s[2] != '2'))
        return -EINVAL;
    u->lcr = (uint8_t)(s[0] - '5');
    if (s[2] == '2')
        u->lcr |= 0x04;
    switch (s[1]) {
    case 'n':
        return 0;
    case 'o':
        u->lcr |= 0x08;
        return 0;
    case 'e':
        u->lcr |= 0x18;
        return 0;
    default:
        return -EINVAL;
    }
}

static int __init parse_com(struct uart *u, const char *s)
{
    char *end;

    if (!strncmp(s, "auto", 4)) {
        u->baud = 0;
        end = (char *)s + 4;
    } else {
        u->baud = (unsigned int)strtoull(s, &end, 10);
        if (!u->baud || u->baud > 115200)
            return -EINVAL;
    }
    if (*end == ',' && end[1] >= '5' && end[1] <= '8' && end[2] > '9') {
        if (parse_format(u, end + 1))
            return -EINVAL;
        end += 4;
    }
    if (*end == ',')
        u->port = (uint16_t)strtoull(end + 1, &end, 0);
    if (*end == ',')
        u->irq = (int)strtoull(end + 1, &end, 0);
    return *end ? -EINVAL : 0;
}

static int __init parse_com1(const char *s)
{
    return parse_com(&uart[0], s);
}
PARAM_FUNC("com1", parse_com1);

static int __init parse_com2(const char *s)
{
    return parse_com(&uart[1], s);
}
PARAM_FUNC("com2", parse_com2);

static uint8_t reg_read(const struct uart *u, unsigned int reg)
{
    return inb((uint16_t)(u->port + reg));
}

static void reg_write(const struct uart *u, unsigned int reg, uint8_t v)
{
    outb(v, (uint16_t)(u->port + reg));
}

static void wait_ready(const struct uart *u)
{
    for (unsigned int i = 0; i < SPIN_MAX; i++) {
        if (reg_read(u, UART_LSR) & LSR_THR_EMPTY)
            return;
        cpu_relax();
    }
}

/* An empty transmitter takes a FIFO's worth without asking again. */
static void uart_write(const struct uart *u, const char *buf, size_t len)
{
    unsigned int space = 0;

    for (size_t i = 0; i < len; i++) {
        for (int cr = buf[i] == '\n'; cr >= 0; cr--) {
            if (!space) {
                wait_ready(u);
                space = FIFO_BYTES;
            }
            reg_write(u, UART_DATA, (uint8_t)(cr ? '\r' : buf[i]));
            space--;
        }
    }
}

static void write_com1(const char *buf, size_t len)
{
    uart_write(&uart[0], buf, len);
}

static void write_com2(const char *buf, size_t len)
{
    uart_write(&uart[1], buf, len);
}

static void uart_receive(const struct uart *u)
{
    /* Bounded: a broken port may read as ready for ever. */
    for (unsigned int i = 0; i < 256; i++) {
        if (!(reg_read(u, UART_LSR) & LSR_DATA_READY))
            break;
        console_rx((char)reg_read(u, UART_DATA));
    }
}

static void poll_com1(void)
{
    uart_receive(&uart[0]);
}

static void poll_com2(void)
{
    uart_receive(&uart[1]);
}

static void __init uart_setup(struct uart *u)
{
    /* A missing port reads as all ones. */
    reg_write(u, UART_SCRATCH, 0x5a);
    if (reg_read(u, UART_SCRATCH) != 0x5a)
        return;
    reg_write(u, UART_IER, 0);
    if (u->baud) {
        unsigned int divisor = CLOCK_HZ / (16 * u->baud);

        reg_write(u, UART_LCR, (uint8_t)(u->lcr | LCR_DLAB));
        reg_write(u, UART_DLL, (uint8_t)divisor);
        reg_write(u, UART_DLM, (uint8_t)(divisor >> 8));
    }
    reg_write(u, UART_LCR, u->lcr);
    reg_write(u, UART_FCR, FCR_ENABLE_CLEAR);
    reg_write(u, UART_MCR, MCR_DTR_RTS_OUT2);
    u->present = true;
    console_add_sink(&u->sink);
}

void __init uart_init_early(void)
{
    uart_setup(&uart[0]);
    uart_setup(&uart[1]);
}

int uart_isa_irq(unsigned int n)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(uart); i++)
        if (uart[i].sink.enabled && !n--)
            return uart[i].irq;
    return -1;
}

bool uart_owns_ports(uint16_t first, uint16_t last)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(uart); i++)
        if (uart[i].sink.enabled && last >= uart[i].port &&
            first < uart[i].port + NR_PORTS)
            return true;
    return false;
}

/* Both may share a line. */
void uart_interrupt(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(uart); i++)
        if (uart[i].sink.enabled)
            uart_receive(&uart[i]);
}

void uart_use_irq(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(uart); i++) {
        if (!uart[i].sink.enabled)
            continue;
        uart[i].sink.poll = NULL;
        reg_write(&uart[i], UART_IER, IER_RECEIVE);
    }
}
