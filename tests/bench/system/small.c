/* SPDX-License-Identifier: MIT */
/* The small program that is compiled: counts words of its input. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    struct word *next;
    unsigned long times;
    char text[];
};

#define BUCKETS 1024
static struct word *buckets[BUCKETS];

static unsigned int hash(const char *s)
{
    unsigned int h = 5381;

    while (*s)
        h = h * 33 + (unsigned char)*s++;
    return h % BUCKETS;
}

static void count(const char *s)
{
    struct word **bucket = &buckets[hash(s)], *w;

    for (w = *bucket; w; w = w->next) {
        if (!strcmp(w->text, s)) {
            w->times++;
            return;
        }
    }
    w = malloc(sizeof(*w) + strlen(s) + 1);
    if (!w)
        exit(1);
    strcpy(w->text, s);
    w->times = 1;
    w->next = *bucket;
    *bucket = w;
}

int main(void)
{
    char text[256];
    size_t n = 0;
    int c;

    while ((c = getchar()) != EOF) {
        if (isalnum(c) && n < sizeof(text) - 1) {
            text[n++] = (char)tolower(c);
        } else if (n) {
            text[n] = 0;
            count(text);
            n = 0;
        }
    }
    for (unsigned int i = 0; i < BUCKETS; i++)
        for (struct word *w = buckets[i]; w; w = w->next)
            printf("%8lu %s\n", w->times, w->text);
    return 0;
}
