// SPDX-License-Identifier: Apache-2.0
/* What the parts of the recorder share. Addresses and lengths are those of the victim. */
#ifndef RECORDER_H
#define RECORDER_H
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/types.h>

typedef uint64_t u64;
#define P 4096ull
#define MAXP 4

struct victim {
  pid_t pid;  /* 0: gone */
  char *maps; /* its maps after the last call, in the corpus' form */
  int changed; /* it has become another user, who may not read its own files under /proc */
};
extern struct victim proc[MAXP * 8];
extern int nproc_;        /* processes there were, gone ones included */
extern int is32, read_implies_exec, calls_made, state_every;
extern u64 code_base, data_page, task_size, brk_now, last_result;
extern u64 results[];     /* by call number, for scripts */

void die(const char *what);
char *slurp(const char *path);

/* PAGEMAP_SCAN as linux/fs.h has it; older headers do not know all categories. */
struct region { u64 start, end, categories; };
struct scan_arg {
  u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
  u64 inverted, mask, anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct scan_arg)

/* state.c: maps and state blocks */
char *read_maps(pid_t pid);
int count_lines(const char *s);
void print_change(const char *old, const char *new);
void print_maps(int p, const char *when);
void print_state(int p, const char *when);
int maps_zero_page(void);
int read_ahead_kb(const char *file);

/* trace.c: makes calls in the victim and prints them */
u64 raw_call(int p, int nr64, int nr32, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);
void do_touch(int p, char kind, u64 addr, int val);
void do_mmap(int p, u64 addr, u64 len, u64 prot, u64 flags, int d, int fd, u64 off);
void do_mremap(int p, u64 addr, u64 old, u64 new, u64 flags, u64 to);
void do_brk(int p, u64 addr);
void do_range(int p, const char *name, u64 addr, u64 len, u64 third);
void do_mincore(int p, u64 addr, u64 len);
void do_mlockall(int p, u64 flags);
void do_munlockall(int p);
void do_setrlimit(int p, int which, u64 cur);
int do_sys(int p, const char *name, int d, const u64 *arg);
const char *sys_keys(const char *name);
void do_memfd(int p, u64 flags);
void do_scan(int p, u64 at, struct scan_arg request);
void do_clear_refs(int p, int value);
void do_hugepages(int p, u64 size, int pages);
void do_overcommit_pool(int p, int pages);
extern int own_segments; /* whether no other process can see the segments */
void do_segment_limit(int p, const char *name, u64 value);
void do_pool(int p, u64 size, int which);
int empty_pools(void);
struct mm_map { u64 field[11], auxv; uint32_t auxv_size, exe_fd; }; /* struct prctl_mm_map */
void now_mm_map(int p, struct mm_map *map);
int do_set_mm_map(int p, u64 at, u64 size, struct mm_map map, int d);
void do_unlink(int p, int d);
void do_truncate(int p, int d, u64 len);
void remove_segments(void);
extern int segments_, memfds_; /* there were so many */
int do_fork(int p);
void do_exit(int p);
int living(void);

/* mix.c: random calls */
void mix_seed(u64 seed);
int mix_allowed(const char *mix); /* whether the victim can make it; if not, that is said */
void mix_run(const char *mix, int calls);

/* script.c: calls read from standard input */
void script_run(void);
#endif
