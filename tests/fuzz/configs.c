/* SPDX-License-Identifier: MIT */
/*
 * What describes a guest: xl.cfg text, one argument of the command line, disk
 * and network specifications, the JSON kept while it lives. The first byte
 * says which. A configuration that is accepted comes back from its JSON the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libs/domain/cfg.h"
#include "libs/domain/guest_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

static void check(int ok)
{
    if (!ok)
        abort();
}

static void there_and_back(const struct guest_config *g)
{
    struct guest_config again;
    struct errmsg err;
    char *text, *text2;

    check(guest_config_to_json(g, &text) == 0);
    guest_config_init(&again);
    check(guest_config_from_json(&again, text, &err) == 0);
    check(guest_config_to_json(&again, &text2) == 0);
    check(strcmp(text, text2) == 0);
    guest_config_free(&again);
    free(text);
    free(text2);
}

static void read_cfg(const struct cfg *cfg)
{
    struct guest_config g;
    struct errmsg err;

    guest_config_init(&g);
    if (guest_config_read(&g, cfg, ignore, NULL, &err) == 0)
        there_and_back(&g);
    guest_config_free(&g);
}

static void file(const char *text, size_t len)
{
    struct cfg cfg = {0};
    struct errmsg err;

    if (cfg_parse(&cfg, "f", text, len, &err) == 0)
        read_cfg(&cfg);
    cfg_free(&cfg);
}

static void argument(const char *text)
{
    static const char base[] = "name='g'\nkernel='/k'\n";
    struct cfg cfg = {0};
    struct errmsg err;

    check(cfg_parse(&cfg, "f", base, sizeof(base) - 1, &err) == 0);
    if (cfg_parse_argument(&cfg, text, &err) == 0)
        read_cfg(&cfg);
    cfg_free(&cfg);
}

static void disk(const char *text)
{
    struct guest_config g;
    struct errmsg err;
    struct disk_config *d;

    guest_config_init(&g);
    d = guest_add_disk(&g);
    check(d != NULL);
    if (disk_spec_parse(text, d, &err) == 0)
        check(d->target == NULL || strlen(d->target) < 4096);
    guest_config_free(&g);
}

static void vif(const char *text)
{
    struct guest_config g;
    struct errmsg err;
    struct vif_config *v;

    guest_config_init(&g);
    v = guest_add_vif(&g);
    check(v != NULL);
    if (vif_spec_parse(text, v, &err) == 0)
        check(!(v->mac[0] & 1));
    guest_config_free(&g);
}

static void json(const char *text)
{
    struct guest_config g;
    struct errmsg err;

    guest_config_init(&g);
    if (guest_config_from_json(&g, text, &err) == 0)
        there_and_back(&g);
    guest_config_free(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0)
        return 0;
    /* cfg_parse() takes a length and no NUL: exactly that much memory. */
    text = malloc(size);
    check(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 5) {
    case 0: {
        char *exact = malloc(size > 1 ? size - 1 : 1);

        check(exact != NULL);
        memcpy(exact, data + 1, size - 1);
        file(exact, size - 1);
        free(exact);
        break;
    }
    case 1:
        argument(text);
        break;
    case 2:
        disk(text);
        break;
    case 3:
        vif(text);
        break;
    default:
        json(text);
        break;
    }
    free(text);
    return 0;
}
