/* SPDX-License-Identifier: MIT */
/*
 * The persistent tree against a plain list of paths, under random changes,
 * while old snapshots must stay exactly as they were.
 */
#include <errno.h>

#include "xs_fixture.h"

#define NAMES     6
#define MAX_PATHS 4096
#define SNAPSHOTS 8

/* The model: which paths exist, with which value. */
struct model {
    unsigned int nr;
    struct {
        char path[64];
        unsigned int value;
    } e[MAX_PATHS];
};

static int model_find(const struct model *m, const char *path)
{
    for (unsigned int i = 0; i < m->nr; i++) {
        if (strcmp(m->e[i].path, path) == 0)
            return (int)i;
    }
    return -1;
}

static unsigned int model_add(struct model *m, const char *path)
{
    char parent[64];
    int i = model_find(m, path);
    char *slash;

    if (i >= 0)
        return (unsigned int)i;
    strcpy(parent, path);
    slash = strrchr(parent, '/');
    *slash = '\0';
    if (parent[0] != '\0')
        model_add(m, parent);
    assert_true(m->nr < MAX_PATHS);
    strcpy(m->e[m->nr].path, path);
    m->e[m->nr].value = 0;
    return m->nr++;
}

static void model_remove(struct model *m, const char *path)
{
    size_t len = strlen(path);
    unsigned int kept = 0;

    for (unsigned int i = 0; i < m->nr; i++) {
        const char *p = m->e[i].path;

        if (strncmp(p, path, len) == 0 && (p[len] == '\0' || p[len] == '/'))
            continue;
        m->e[kept++] = m->e[i];
    }
    m->nr = kept;
}

static unsigned int value_of(const struct node *n)
{
    unsigned int v = 0;

    if (n->value != NULL)
        memcpy(&v, n->value->data, sizeof(v));
    return v;
}

static void count_one(const struct node *n, void *arg)
{
    (void)n;
    ++*(unsigned int *)arg;
}

static void same(const struct node *root, const struct model *m)
{
    unsigned int nr = 0;

    for (unsigned int i = 0; i < m->nr; i++) {
        const struct node *n = tree_find(root, m->e[i].path);

        assert_non_null(n);
        assert_int_equal(value_of(n), m->e[i].value);
    }
    node_walk(root, count_one, &nr);
    assert_int_equal(nr, m->nr + 1);
}

static void random_path(char *path)
{
    int depth = 1 + (int)(random() % 4);

    *path = '\0';
    for (int i = 0; i < depth; i++)
        path += sprintf(path, "/%c%ld", 'a' + (int)(random() % NAMES),
                        random() % 3);
}

static void change(struct node **root, struct model *m, struct delta *delta)
{
    struct change c = {.creator = CREATOR_NONE};
    char path[64];
    char parent[64];
    unsigned int v = (unsigned int)random();
    int i;
    int rc;

    random_path(path);
    c.path = path;
    i = model_find(m, path);
    if (random() % 3 != 0) {
        c.kind = CHANGE_WRITE;
        c.value = blob_new(&v, sizeof(v));
        assert_int_equal(
            tree_apply(root, &c, ++store.gen, &store.accounts, delta), 1);
        blob_put(c.value);
        m->e[model_add(m, path)].value = v;
        return;
    }
    c.kind = CHANGE_RM;
    rc = tree_apply(root, &c, ++store.gen, &store.accounts, delta);
    strcpy(parent, path);
    *strrchr(parent, '/') = '\0';
    if (i >= 0)
        assert_int_equal(rc, 1);
    else if (parent[0] == '\0' || model_find(m, parent) >= 0)
        assert_int_equal(rc, 0);
    else
        assert_int_equal(rc, -ENOENT);
    if (i >= 0)
        model_remove(m, path);
}

static void random_changes_and_snapshots(void **state)
{
    static struct model now;
    static struct model then[SNAPSHOTS];
    struct node *old[SNAPSHOTS] = {0};

    (void)state;
    srandom(7);
    now.nr = 0;
    for (int i = 0; i < 4000; i++) {
        struct delta delta = {0};

        change(&store.root, &now, &delta);
        delta_apply(&delta, &store.accounts);
        delta_free(&delta);
        if (i % 97 == 0) {
            int s = (int)(random() % SNAPSHOTS);

            if (old[s] != NULL)
                same(old[s], &then[s]);
            node_put(old[s]);
            old[s] = node_get(store.root);
            then[s] = now;
        }
        if (i % 211 == 0) {
            same(store.root, &now);
            assert_int_equal(store_check(&store), 0);
        }
    }
    for (int s = 0; s < SNAPSHOTS; s++) {
        if (old[s] != NULL)
            same(old[s], &then[s]);
        node_put(old[s]);
    }
    same(store.root, &now);
}

/* Every offset gives the rest of the same listing, in whole names. */
static void listing_by_parts(void **state)
{
    struct change c = {.kind = CHANGE_MKDIR, .creator = CREATOR_NONE};
    struct delta delta = {0};
    const struct node *dir;
    char whole[8192];
    char part[64];
    size_t total;

    (void)state;
    for (int i = 0; i < 500; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/dir/%d", i * 7919 % 500);
        c.path = path;
        assert_int_equal(
            tree_apply(&store.root, &c, ++store.gen, &store.accounts, &delta),
            1);
    }
    delta_apply(&delta, &store.accounts);
    delta_free(&delta);
    dir = tree_find(store.root, "/dir");
    assert_int_equal(node_nr_kids(dir), 500);
    total = node_list(dir, 0, whole, sizeof(whole));
    assert_int_equal(total, node_list_bytes(dir));
    for (size_t at = 0; at < total;) {
        size_t n = node_list(dir, at, part, sizeof(part));

        assert_true(n > 0);
        assert_memory_equal(part, whole + at, n);
        assert_int_equal(part[n - 1], '\0');
        at += n;
    }
    assert_int_equal(node_list(dir, total, part, sizeof(part)), 0);
    assert_int_equal(node_list(dir, total + 100, part, sizeof(part)), 0);
}

/* 1500 levels: nothing here may use the stack without bound. */
static void deepest_path(void **state)
{
    struct change c = {.kind = CHANGE_MKDIR, .creator = CREATOR_NONE};
    char path[XENSTORE_ABS_PATH_MAX + 1];
    struct delta delta = {0};

    (void)state;
    for (size_t i = 0; i < XENSTORE_ABS_PATH_MAX; i += 2)
        memcpy(path + i, "/a", 2);
    path[XENSTORE_ABS_PATH_MAX] = '\0';
    c.path = path;
    assert_int_equal(
        tree_apply(&store.root, &c, ++store.gen, &store.accounts, &delta), 1);
    c.kind = CHANGE_RM;
    c.path = "/a";
    assert_int_equal(
        tree_apply(&store.root, &c, ++store.gen, &store.accounts, &delta), 1);
    delta_apply(&delta, &store.accounts);
    delta_free(&delta);
    assert_int_equal(node_nr_kids(store.root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(random_changes_and_snapshots),
        STORE_TEST(listing_by_parts),
        STORE_TEST(deepest_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
