/* Runs a fuzz target over its corpus without libFuzzer, so that `make check` does it with any
 * compiler: every file of a folder as it is, then N mutations of them from a seed.
 *
 *     corpus_json FOLDER [SEED [MUTATIONS]]
 *
 * A finding aborts; the seed and the number of the mutation, printed on the way down, repeat it. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILES_MAX 4096
#define FILE_BYTES_MAX ((size_t)65536)

struct input {
    char *name;
    uint8_t *bytes;
    size_t len;
};

static char now_running[512]; /* for the signal handler */

static void finding_report(int signal_number)
{
    static const char text[] = "\nrun_corpus: finding in ";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    (void)!write(STDERR_FILENO, now_running, strlen(now_running));
    (void)!write(STDERR_FILENO, "\n", 1);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void *must(void *p)
{
    if (!p) {
        fputs("run_corpus: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static int name_order(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

static size_t folder_read(const char *folder, struct input *inputs)
{
    DIR *d = opendir(folder);
    size_t count = 0;
    if (!d) {
        perror(folder);
        exit(1);
    }
    for (struct dirent *e; (e = readdir(d)) && count < FILES_MAX;) {
        char path[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        FILE *f = fopen(path, "rb");
        if (!f)
            continue;
        struct input *in = &inputs[count++];
        in->name = must(strdup(e->d_name));
        in->bytes = must(malloc(FILE_BYTES_MAX));
        in->len = fread(in->bytes, 1, FILE_BYTES_MAX, f);
        fclose(f);
    }
    closedir(d);
    if (count)
        qsort(inputs, count, sizeof *inputs, name_order); /* the same order on every machine */
    return count;
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t limit)
{
    return limit ? (size_t)(random_next(state) % limit) : 0;
}

/* One change of `len` bytes in room for FILE_BYTES_MAX; returns the new length. */
static size_t mutate(uint8_t *p, size_t len, uint64_t *state, const struct input *other)
{
    size_t at = below(state, len + 1), rest = len - at;
    size_t part = below(state, rest < 32 ? rest + 1 : 32);
    size_t room = FILE_BYTES_MAX - len;
    switch (random_next(state) % 6) {
    case 0: /* flip a bit */
        if (rest)
            p[at] ^= (uint8_t)(1u << below(state, 8));
        return len;
    case 1: /* any byte */
        if (rest)
            p[at] = (uint8_t)random_next(state);
        return len;
    case 2: /* drop a part */
        memmove(p + at, p + at + part, rest - part);
        return len - part;
    case 3: /* repeat a part */
        if (part > room)
            return len;
        memmove(p + at + part, p + at, rest);
        return len + part;
    case 4: { /* bring in a part of another file */
        size_t from = below(state, other->len + 1);
        part = below(state, other->len - from + 1);
        part = part > 64 ? 64 : part;
        if (part > room)
            return len;
        memmove(p + at + part, p + at, rest);
        memcpy(p + at, other->bytes + from, part);
        return len + part;
    }
    default: /* cut */
        return at;
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [SEED [MUTATIONS]]\n", argv[0]);
        return 2;
    }
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    size_t mutations = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    struct input *inputs = must(calloc(FILES_MAX, sizeof *inputs));
    size_t count = folder_read(argv[1], inputs);
    if (!count) {
        fprintf(stderr, "run_corpus: %s holds no file\n", argv[1]);
        return 1;
    }
    signal(SIGABRT, finding_report);
    signal(SIGSEGV, finding_report);
    for (size_t i = 0; i < count; i++) {
        snprintf(now_running, sizeof now_running, "file %s", inputs[i].name);
        LLVMFuzzerTestOneInput(inputs[i].bytes, inputs[i].len);
    }
    uint8_t *bytes = must(malloc(FILE_BYTES_MAX));
    for (size_t i = 0; i < mutations; i++) {
        /* Each mutation has a state of its own, so that one can be repeated alone. */
        uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15u ^ (i + 1) * 0xbf58476d1ce4e5b9u;
        state |= 1;
        for (int k = 0; k < 4; k++)
            random_next(&state);
        const struct input *in = &inputs[below(&state, count)];
        size_t len = in->len;
        memcpy(bytes, in->bytes, len);
        for (size_t rounds = 1 + below(&state, 4); rounds; rounds--)
            len = mutate(bytes, len, &state, &inputs[below(&state, count)]);
        snprintf(now_running, sizeof now_running, "mutation %zu of seed %llu (from %s)", i,
                 (unsigned long long)seed, in->name);
        LLVMFuzzerTestOneInput(bytes, len);
    }
    printf("%zu files, %zu mutations of seed %llu: no finding\n", count, mutations,
           (unsigned long long)seed);
    for (size_t i = 0; i < count; i++) {
        free(inputs[i].name);
        free(inputs[i].bytes);
    }
    free(inputs);
    free(bytes);
    return 0;
}
