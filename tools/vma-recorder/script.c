// SPDX-License-Identifier: Apache-2.0
/*
 * Makes the calls that standard input lists, one a line, in the corpus' form; a number in front and
 * an answer behind are ignored, and so are lines that are no calls. `$N` stands for the answer of
 * call N, `$` for the last one, and `+0x..` or `-0x..` may follow: addr=$3+0x2000.
 */
#include "recorder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static u64 value(const char *s) {
  u64 v = 0;
  char *end;
  if (*s == '$') {
    int n = strtol(s + 1, &end, 10);
    v = end == s + 1 ? last_result : results[n];
  } else if (!strcmp(s, "inf")) return is32 ? 0xffffffff : ~0ull;
  else v = *s == '-' ? (u64) strtoll(s, &end, 0) : strtoull(s, &end, 0);
  if (*end == '+' || *end == '-') v += (u64) strtoll(end, 0, 0);
  return v;
}

static const char *text_of(char **field, int n, const char *key) {
  size_t k = strlen(key);
  for (int i = 0; i < n; i++) if (!strncmp(field[i], key, k) && field[i][k] == '=') return field[i] + k + 1;
  return 0;
}

static u64 argument(char **field, int n, const char *key) {
  const char *x = text_of(field, n, key);
  return x ? value(x) : 0;
}

void script_run(void) {
  static char line[1 << 16];
  while (fgets(line, sizeof line, stdin)) {
    char *field[16];
    int n = 0;
    for (char *t = strtok(line, " \n"); t && n < 16; t = strtok(0, " \n")) field[n++] = t;
    char **f = field;
    if (n > 0 && strspn(f[0], "0123456789") == strlen(f[0])) { f++; n--; }
    if (n < 2 || f[0][0] != 'p' || f[0][1] < '0' || f[0][1] > '9') continue;
    int p = atoi(f[0] + 1);
    const char *name = f[1];
#define ARG(key) argument(f, n, key)
    if (p >= nproc_ || !proc[p].pid) { fprintf(stderr, "no process p%d\n", p); exit(2); }
    if (!strcmp(name, "mmap")) {
      const char *fd = text_of(f, n, "fd");
      int d = fd && *fd == 'D' ? atoi(fd + 1) : fd && *fd == 'M' ? 100 + atoi(fd + 1) : 0;
      do_mmap(p, ARG("addr"), ARG("len"), ARG("prot"), ARG("flags"), d, fd && !d ? atoi(fd) : -1, ARG("off"));
    } else if (!strcmp(name, "mremap")) do_mremap(p, ARG("addr"), ARG("old"), ARG("new"), ARG("flags"), ARG("newaddr"));
    else if (!strcmp(name, "brk")) do_brk(p, ARG("addr"));
    else if (!strcmp(name, "read")) do_touch(p, 'r', ARG("addr"), 0);
    else if (!strcmp(name, "write")) do_touch(p, 'w', ARG("addr"), ARG("val"));
    else if (!strcmp(name, "exec")) do_touch(p, 'x', ARG("addr"), 0);
    else if (!strcmp(name, "mincore")) do_mincore(p, ARG("addr"), ARG("len"));
    else if (!strcmp(name, "mlockall")) do_mlockall(p, ARG("flags"));
    else if (!strcmp(name, "munlockall")) do_munlockall(p);
    else if (sys_keys(name)) {
      char keys[64];
      u64 arg[6] = {0};
      int i = 0, d = 0;
      strcpy(keys, sys_keys(name));
      for (char *k = strtok(keys, " "); k; k = strtok(0, " "), i++) {
        const char *x = text_of(f, n, k);
        if (x && !strcmp(k, "fd") && (*x == 'D' || *x == 'M')) d = atoi(x + 1) + (*x == 'M' ? 100 : 0);
        else arg[i] = x ? value(x) : 0;
      }
      do_sys(p, name, d, arg);
    } else if (!strcmp(name, "set_mm_map")) {
      static const char *keys[] = {"start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack",
        "arg_start", "arg_end", "env_start", "env_end"};
      struct mm_map map;
      now_mm_map(p, &map); /* what the line leaves out stays */
      for (int i = 0; i < 11; i++) if (text_of(f, n, keys[i])) map.field[i] = ARG(keys[i]);
      map.auxv = ARG("auxv");
      map.auxv_size = ARG("auxv_size");
      const char *fd = text_of(f, n, "fd");
      int d = fd && *fd == 'D' ? atoi(fd + 1) : fd && *fd == 'M' ? 100 + atoi(fd + 1) : 0;
      if (fd && !d) map.exe_fd = atoi(fd);
      do_set_mm_map(p, text_of(f, n, "addr") ? ARG("addr") : data_page + 0x3d80, text_of(f, n, "size") ? ARG("size") : sizeof map, map, d);
    } else if (!strcmp(name, "clear_refs")) do_clear_refs(p, ARG("value"));
    else if (!strcmp(name, "pagemap_scan")) {
      struct scan_arg scan = {.size = ARG("size"), .flags = ARG("flags"), .start = ARG("start"), .end = ARG("end"),
        .vec = ARG("vec"), .vec_len = ARG("vec_len"), .max_pages = ARG("max_pages"), .inverted = ARG("inverted"),
        .mask = ARG("mask"), .anyof_mask = ARG("anyof"), .return_mask = ARG("return")};
      do_scan(p, ARG("arg"), scan);
    } else if (!strcmp(name, "hugepages")) do_hugepages(p, ARG("size"), ARG("value"));
    else if (!strcmp(name, "pool")) do_pool(p, ARG("size"), ARG("value"));
    else if (!strcmp(name, "segment_limit")) do_segment_limit(p, text_of(f, n, "name"), ARG("value"));
    else if (!strcmp(name, "overcommit_pool")) do_overcommit_pool(p, ARG("value"));
    else if (!strcmp(name, "memfd_create")) do_memfd(p, ARG("flags"));
    else if (!strcmp(name, "unlink") || !strcmp(name, "truncate")) {
      const char *fd = text_of(f, n, "fd");
      int d = fd && *fd == 'D' ? atoi(fd + 1) : 0;
      if (*name == 'u') do_unlink(p, d); else do_truncate(p, d, ARG("len"));
    } else if (!strcmp(name, "fork")) do_fork(p);
    else if (!strcmp(name, "exit")) do_exit(p);
    else if (!strcmp(name, "state")) print_state(p, "asked");
    else if (!strcmp(name, "setrlimit")) {
      const char *res = text_of(f, n, "res");
      do_setrlimit(p, !strcmp(res, "AS") ? 0 : !strcmp(res, "DATA") ? 1 : !strcmp(res, "STACK") ? 2 : 3, ARG("cur"));
    } else {
      u64 third = !strcmp(name, "mprotect") ? ARG("prot") : !strcmp(name, "madvise") ? ARG("advice") : ARG("flags");
      do_range(p, name, ARG("addr"), ARG("len"), third);
    }
  }
}
