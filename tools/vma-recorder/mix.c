// SPDX-License-Identifier: Apache-2.0
/* Random calls. Each mix is a row of weights; arguments lean to where VMAs begin and end. */
#include "recorder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static u64 rng;
static u64 rnd(void) { rng ^= rng << 13; rng ^= rng >> 7; rng ^= rng << 17; return rng * 0x2545F4914F6CDD1Dull; }
static u64 below(u64 n) { return (rnd() >> 11) % n; }
static int pools_; /* whether calls are about the pools of huge pages */
static int chance(int percent) { return (int) below(100) < percent; }

void mix_seed(u64 seed) { rng = seed * 0x9E3779B97F4A7C15ull + 88172645463325252ull; }

enum { MMAP, MUNMAP, MPROTECT, BRK, MREMAP, WRITE, READ, EXEC, MADVISE, MINCORE, MSYNC, MLOCK, MUNLOCK,
       MLOCK2, MLOCKALL, MUNLOCKALL, MSEAL, SETRLIMIT, FORK, EXIT, FREAD, FWRITE, FSIZE, FHOLE, FSYNC, SEGGET, SEGAT, SEGDT, SEGCTL, MEMFD, SEAL,
       REMAP, OPTION, PKEY, PADVISE, UNLINK, PAGESCAN, CLEARREFS, SETMM,
       OWNER, POOL, POOLMAP, ADVISE, SHIFT, POLICY, LIMIT, RECLAIM, KINDS };
static const struct { const char *name; int files; int weight[KINDS]; } mixes[] = {
  /*                  mmap munm mpro  brk mrem  wri read exec madv minc msyn lock unlk lck2 lall ula seal setr fork exit */
  {"basic",   2,    { 390, 250, 225, 130 }},
  {"remap",  20,    { 300, 110, 130,  26, 300,  94,  17,   0,  18,   0,   0,   0,   0,   0,   0,  0,  11 }},
  {"files",  83,    { 430, 110, 126,   0,  70,  56,  75,  10,  44,  26,  54 }},
  {"faults", 30,    { 240,  66,  80,  31,  23, 183, 116,  18, 117,  24,  16,  32,  23,  18,   7,  7 }},
  {"fork",   25,    { 270,  87,  93,  29,  46, 200, 100,   0, 119,  24,   0,  10,  10,   0,   0,  0,   0,   0,  12,  5 }},
  {"limits", 20,    { 280,  66, 200,  88,  75, 113,  32,   0,  25,   0,   0,  49,  21,  18,   8,  7 }},
  {"setrlimit", 20, { 280,  66, 200,  88,  75, 113,  32,   0,  25,   0,   0,  49,  21,  18,   8,  7,   0,  80 }},
  {"stress", 25,    { 310, 104, 120,  34,  85, 120,  67,   8,  85,  16,   9,  17,  17,   9,   0,  0,   0,   0,   2 }},
  {"all",    30,    { 300,  90, 120,  35, 110, 150,  90,  10,  90,  16,  10,  17,  14,   9,   3,  3,   4,   5,   6,  3 }},
  /* the calls of the second row of kinds, among the others */
  {"io",     60,    { 260,  60,  60,   5,  30, 120, 120,   0,  60,  20,  60,  10,   8,   0,   0,  0,   0,   0,  10,  4,
                      110, 110,  70,  40,  20,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   2,  40,   2 }},
  {"ipc",    20,    { 200,  60,  60,   5,  40, 120,  90,   0,  50,  20,  10,  14,  10,   3,   0,  0,   2,   0,  12,  5,
                       30,  30,  40,  15,   3,  45, 120,  70,  25,  14,  20,  40,   6,   8,  20,   0,  30,   2,   6,  12 }},
  {"calls",  45,    { 260,  60,  70,  10,  50, 120, 100,   4,  60,  20,  40,  14,  10,   4,   2,  2,   2,   3,  10,  4,
                       60,  60,  50,  30,  10,  20,  50,  30,  10,   8,  12,  20,   8,   6,  20,   2,  60,   4,  14,   3 }},
  {"huge",   10,    {  60,  70,  60,   0,  60, 160, 120,   0,  70,  16,   6,  14,  10,   4,   2,  2,   2,   0,  14,  6,
                       30,   0,  20,  25,   2,  10,  40,  25,   6,  30,  10,   0,   2,   0,   0,   0,  20,   2,   0,   0, 130, 140 }},
  {"advice", 65,    { 260,  60,  60,   5,  30, 120, 120,   0,  60,  40,  60,  10,   8,   0,   0,  0,   0,   0,  10,  4,
                      110,  90,  50,  30,  20,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   2,  10,   0,   0,  0,   0,   0, 110,  50,   0,   0,  10 }},
  {"policy", 30,    { 260,  70,  80,  25,  90, 120, 100,   0,  60,  10,  10,  17,  14,   9,   3,  3,   4,   0,  10,  4,
                        0,   0,   0,   0,   0,  20,  50,  30,  10,   8,   0,   6,  16,   0,   0,   0,  10,   0,   0,  0,   0,   0,   0,   0, 260,  25,  10 }},
  {"thp",    10,    { 220,  60, 110,  20,  60, 230, 100,   0, 120,  10,   0,  14,  14,   6,   0,  0,   0,   0,  10,  3 }},
  {"any",    45,    { 300,  90, 100,  25, 110, 200, 150,  10, 120,  30,  40,  25,  20,   9,   3,  3,   4,   3,  14,  6,
                       70,  70,  50,  30,  20,  25,  50,  30,  10,  10,  15,  15,  10,   6,  20,   2,  40,   3,   4,  4,   0,   0,  40,  20,  60,   8,  40 }},
  {"reclaim", 25,   { 220,  60, 110,  20,  60, 230, 100,   0, 120,  10,  10,  14,  14,   6,   0,  0,   0,   0,  10,  3,
                       20,  20,  10,   8,  10,  10,  20,  10,   2,   0,   0,   0,   0,   0,   0,   0,  10,   0,   0,  0,   0,   0,  10,   0,   0,   0, 120 }},
};

/* An address that is likely to matter. */
static u64 pick(int p) {
  static u64 s[70000], e[70000];
  int n = 0;
  for (char *l = proc[p].maps; *l && n < 70000; l = strchr(l, '\n') + 1) {
    char *x;
    s[n] = strtoull(l, &x, 16);
    e[n] = strtoull(x + 1, 0, 16);
    char *v = strstr(l, "[v");
    if (v && v < strchr(l, '\n') && chance(85)) continue;
    if (e[n] > task_size || s[n] < data_page + 4 * P) continue;
    n++;
  }
  u64 a;
  int i = n ? (int) below(n) : 0;
  switch (n ? below(100) : 99) {
    case 0 ... 29: a = s[i]; break;
    case 30 ... 46: a = s[i] + P * below((e[i] - s[i]) / P); break;
    case 47 ... 56: a = e[i]; break;
    case 57 ... 64: a = s[i] - P * (1 + below(16)); break;
    case 65 ... 70: a = e[i] + P * below(16); break;
    case 71 ... 90: a = 0x10000000 + P * below(0x68); break;
    case 91 ... 93: a = 0x40000000 + P * below(6); break;
    case 94 ... 95: a = brk_now + P * below(12); break;
    case 96: a = (is32 ? 0x30000000 : 0x20000000) + (below(8) << 21); break;
    default: {
      static const u64 odd[] = {0, 0xfff, 0x1000, 0x5000, 0xf000, 0x10000, 0x800000000000, 0x7ffffffff000,
        0x7fffffffe000, 0xffffffffff600000, 0xffffffffffffffff, 0xfffffffffffff000};
      static const u64 odd32[] = {0, 0xfff, 0x1000, 0x5000, 0xf000, 0x10000, 0xc0000000, 0xbffff000,
        0xfffff000, 0xffffe000, 0xbfffe000, 0xffffffff};
      a = (is32 ? odd32 : odd)[below(12)];
    }
  }
  if (chance(3)) a += chance(50) ? 1 : below(4096);
  return a;
}

static u64 length(void) {
  int k = below(1000);
  if (k < 340) return P;
  if (k < 720) return P * (2 + below(15));
  if (k < 880) return P * (1 + below(500));
  if (k < 950) return 0x200000 * (1 + below(4));
  if (k < 970) return P * (1 + below(3)) + 1;
  if (k < 980) return 1 + below(0x8000);
  if (k < 988) return 0;
  if (is32) return P * (1 + below(1500));
  static const u64 odd[] = {0xa00000000, 0xfffffffffffff001, 0x7ffffffff000, 0x8000000000000000, 0x800000000000,
    0xfffffffffffff000, 0x10000000000, 0xffffffffffffffff};
  return odd[below(8)];
}

/* A range must not take code or data from the victim: it would die. */
static int harms(u64 a, u64 len) {
  u64 lo = code_base - P, hi = data_page + 4 * P, end = a + len + P;
  if (is32) a = (uint32_t) a;
  return end < a ? a < hi : a < hi && end > lo;
}

static u64 prot(void) {
  static const int usual[] = {3, 3, 3, 3, 3, 3, 3, 1, 1, 1, 0, 0, 5, 7, 2, 4};
  if (chance(3)) return chance(60) ? below(0x18) : below(0x10000);
  return usual[below(16)];
}

static void mmap_(int p, int files) {
  u64 addr = chance(50) ? 0 : pick(p), len = length(), off = 0, pr = prot(), flags;
  int fd = -1, d = 0, k = below(1000);
  if (chance(files)) {
    d = memfds_ && chance(20) ? 101 + (int) below(memfds_) : chance(14) ? 1 : 1 + (int) below(8);
    flags = 0;
    off = chance(55) ? 0 : P * below(20);
    if (chance(2)) off = chance(50) ? rnd() >> below(50) & ~4095ull : rnd() >> (20 + below(40));
  } else {
    flags = 0x20;
    if (chance(5)) off = P * below(100);
  }
  if (chance(2)) d = 0, fd = chance(50) ? 77 : -1, flags = flags ? 0x20 : 0;
  flags |= k < 730 ? 2 : k < 950 ? 1 : k < 970 ? 3 : k < 983 ? 8 : below(16);
  if (is32) off &= 0x7ffff000;
  if (addr && chance(40)) flags |= 0x10;
  if (addr ? chance(14) : chance(1)) flags |= 0x100000;
  if (chance(7)) flags |= 0x4000;
  if (chance(5)) flags |= 0x100;
  if (chance(5) && (len < 1ull << 32 || len >= 1ull << 47)) flags |= 0x8000; /* a terabyte of zero pages takes minutes */
  if (chance(3)) flags |= 0x20000;
  if (chance(3)) flags |= 0x2000;
  if (chance(4)) flags |= 0x40;
  if (chance(1)) flags |= 0x800;
  if (chance(1)) flags |= 0x1000;
  if (chance(1)) flags |= 0x80000;
  if (chance(1)) flags |= 1ull << (21 + below(10));
  if ((flags & 0x10) && harms(addr, len)) return;
  do_mmap(p, addr, len, pr, flags, d, fd, off);
}

static u64 touched(int p) {
  if (chance(18)) { /* below the stack */
    for (char *l = proc[p].maps; *l; l = strchr(l, '\n') + 1) {
      char *x = strstr(l, "[stack]");
      if (x && x < strchr(l, '\n')) {
        u64 s = strtoull(l, 0, 16);
        if (chance(50)) return s - P * (1 + below(chance(5) ? 2000 : 60)) + below(P);
        return s + P * below(64);
      }
    }
  }
  u64 a = pick(p);
  static const int offs[] = {0, 0, 0, 1, 0x10, 0x400, 0x7f8, 0xfff};
  return a + offs[below(8)];
}

/* A file to read and write, its size, a place in it, and how much. */
static int file(void) { return memfds_ && chance(25) ? 101 + (int) below(memfds_) : 1 + (int) below(chance(90) ? 7 : 8); }

static u64 place(void) {
  u64 at = P * below(chance(85) ? 20 : 900);
  return chance(45) ? at + below(P) : at;
}

static u64 size(void) {
  int k = below(100);
  if (k < 40) return 1 + below(P);
  if (k < 75) return P * (1 + below(8)) + (chance(40) ? below(P) : 0);
  if (k < 95) return P * (1 + below(40));
  return k < 98 ? 0 : 0x200000 * (1 + below(2));
}

/* Whether the kernel's clock lies there. */
static int is_clock(int p, u64 addr) {
  for (char *l = proc[p].maps; *l; l = strchr(l, '\n') + 1) {
    char *x, *name = strstr(l, "[v");
    u64 s = strtoull(l, &x, 16), e = strtoull(x + 1, 0, 16);
    if (addr + P > s && addr < e) return name && name < strchr(l, '\n');
  }
  return 0;
}

static u64 segment_at(int p) {
  u64 found = 0;
  for (char *l = proc[p].maps; *l; l = strchr(l, '\n') + 1) {
    char *x = strstr(l, " SHM\n");
    if (x && x < strchr(l, '\n') && (!found || chance(40))) found = strtoull(l, 0, 16);
  }
  return found ? found : 0x10000;
}

/* Mostly what somebody would ask; at times one wrong word in it. */
static void scan_(int p, u64 a, u64 len) {
  if (proc[p].changed) return;
  static const u64 masks[] = {0, 0, 8, 8, 2, 4, 0x20, 0x10, 0x40, 0x100, 1, 0x80};
  struct scan_arg s = {.size = 96, .start = a & ~4095ull, .vec = data_page, .vec_len = 1 + below(chance(70) ? 30 : 600),
    .max_pages = chance(60) ? 0 : 1 + below(chance(50) ? 8 : 700), .return_mask = chance(80) ? 0x1ff : below(0x200)};
  s.end = s.start + (len > 1ull << 40 ? P * 40 : len);
  if (chance(10)) s.start = 0, s.end = is32 ? 0xfffff000 : 0x7ffffffff000;
  s.mask = masks[below(12)];
  if (chance(25)) s.anyof_mask = masks[below(12)] | masks[below(12)];
  if (chance(20)) s.inverted = masks[below(12)] | masks[below(12)];
  if (chance(15)) s.mask = s.return_mask = 2, s.anyof_mask = s.inverted = 0;
  if (chance(8)) s.flags = 1 + below(3);
  if (chance(20)) {
    u64 to = pick(p);
    if (!harms(to, s.vec_len * 24)) s.vec = to;
  }
  if (chance(8)) s.vec = 0, s.vec_len = chance(50) ? 0 : 3;
  if (chance(10)) {
    switch (below(9)) {
      case 0: s.size = below(200); break;
      case 1: s.flags = 4; break;
      case 2: s.mask |= 0x200; break;
      case 3: s.start |= 1 + below(P - 1); break;
      case 4: s.end = s.start - P; break;
      case 5: s.end = chance(50) ? ~0ull : 0x7ffffffff001; break;
      case 6: s.vec = 0x7fffffffefff; break;
      case 7: s.vec_len = rnd(); break;
      default: s.end += 1 + below(P - 1);
    }
  }
  do_scan(p, chance(97) ? data_page + 0x3d00 : is32 ? 0xffffff00 : 0x800000000000, s);
}

/* Of the two sizes mostly the small one. */
static u64 huge_size(void) { return chance(85) ? 0x200000 : 0x40000000; }

static void pool_(int p) {
  u64 size = huge_size();
  if (chance(75)) do_pool(p, size, below(4));
  else if (chance(30)) do_overcommit_pool(p, below(5));
  else do_hugepages(p, size, size == 0x200000 ? below(9) : below(3));
}

static void pool_map(int p) {
  static const int places[] = {0x22, 0x22, 0x21, 0x4022, 0x4021, 0x8022, 0x8021, 0x32, 0x31, 0x100022};
  u64 size = huge_size(), len = size * (1 + below(size == 0x200000 ? 5 : 2)), pr = prot(), addr = 0;
  if (memfds_ && chance(35)) {
    u64 flags = chance(70) ? 1 : 2;
    do_mmap(p, 0, size * (1 + below(3)), pr, flags | (chance(15) ? 0x4000 : 0), 101 + below(memfds_), 0, chance(75) ? 0 : size * below(3));
    return;
  }
  u64 flags = 0x40000 | (u64) places[below(10)] | (size != 0x200000 ? 30ull << 26 : chance(70) ? 0 : 21ull << 26);
  if ((flags & 0x10) || chance(25)) addr = chance(70) ? 0x40000000ull * (1 + below(3)) + 0x200000 * below(8) : pick(p);
  if (chance(6)) len += P * below(512);
  if ((flags & 0x10) && harms(addr, len)) return;
  do_mmap(p, addr, len, pr, flags, 0, -1, 0);
}

/* One or two fields anew. A heap must end above the victim's data: brk may unmap all of it. */
static void set_mm(int p) {
  struct mm_map map;
  now_mm_map(p, &map);
  u64 at = chance(96) ? data_page + 0x3d80 : 0x800000000000, low = data_page + 4 * P, size = chance(96) ? sizeof map : below(200);
  for (int i = 1 + below(2); i > 0; i--) map.field[below(11)] = chance(80) ? pick(p) : below(0x20000);
  if (chance(50)) {
    map.field[4] = low + P * below(40) + (chance(30) ? below(P) : 0);
    map.field[5] = map.field[4] + (chance(50) ? 0 : below(0x20000));
  }
  if (map.field[4] < low) return;
  if (chance(10)) map.auxv = chance(80) ? data_page : pick(p), map.auxv_size = below(500);
  do_set_mm_map(p, at, size, map, chance(4) ? file() : 0);
}

/* What goes with POSIX_FADV_DONTNEED must be clean, or the disk's speed would decide. */
static void advise(int p) {
  static const int usual[] = {4, 4, 4, 3, 3, 0, 1, 2, 5};
  int d = chance(98) ? file() : 0;
  u64 at = place(), n = chance(25) ? 0 : chance(97) ? size() : rnd();
  if (chance(25)) {
    u64 arg[3] = {77, at, n};
    do_sys(p, "readahead", d, arg);
    return;
  }
  u64 arg[4] = {77, at, n, chance(96) ? (u64) usual[below(9)] : below(9)}, one[1] = {77};
  if (arg[3] == 4) do_sys(p, "fsync", d, one);
  do_sys(p, "fadvise64", d, arg);
}

/* One node is there; masks name up to three. */
static void policy(int p, u64 a, u64 len) {
  static const int usual[] = {2, 2, 2, 1, 3, 3, 5, 6, 0, 0, 4, 2 | 1 << 15, 3 | 1 << 14, 2 | 1 << 13};
  u64 mode = chance(95) ? (u64) usual[below(14)] : below(9) | below(8) << 13, mask = mode == 0 || mode == 4 ? 0 : 1;
  if (chance(10)) mask = below(8);
  u64 most = chance(92) ? 64 : chance(50) ? below(70) : 32760 + below(20);
  if (most == 0 || most > 65) mask = 0; /* a longer mask would be read from beyond the word */
  int k = below(100);
  if (k < 62) {
    u64 arg[6] = {a, len, mode, mask, most, chance(80) ? 0 : chance(80) ? 1 + below(3) : below(16)};
    do_sys(p, "mbind", 0, arg);
  } else if (k < 70) {
    u64 arg[3] = {mode, mask, most};
    do_sys(p, "set_mempolicy", 0, arg);
  } else if (k < 84) {
    u64 arg[5] = {chance(30) ? 0 : touched(p), chance(50) ? 0 : touched(p), chance(80) ? 64 : below(130), a, chance(70) ? 2 : below(8)};
    if (!(arg[4] & 2) && chance(80)) arg[3] = 0;
    if (harms(arg[0], 8) || harms(arg[1], 64)) return;
    do_sys(p, "get_mempolicy", 0, arg);
  } else if (k < 90) {
    u64 arg[4] = {a, len, chance(85) ? 0 : below(3), chance(95) ? 0 : 1};
    do_sys(p, "set_mempolicy_home_node", 0, arg);
  } else if (k < 98) {
    u64 arg[3] = {touched(p), chance(40) ? ~0ull : chance(85) ? 0 : below(3), chance(90) ? 2 : below(9)};
    do_sys(p, "move_pages", 0, arg);
  } else {
    u64 arg[3] = {64, below(4), below(4)};
    do_sys(p, "migrate_pages", 0, arg);
  }
}

static void one(int p, int kind, int files) {
  u64 a = pick(p), len = length();
  switch (kind) {
    case MMAP: mmap_(p, files); return;
    case MUNMAP: if (!harms(a, len)) do_range(p, "munmap", a, len, 0); return;
    case MPROTECT: {
      u64 pr = prot();
      if (chance(4)) pr |= 0x1000000;
      if (chance(2)) pr |= 0x2000000;
      if (!harms(a, len)) do_range(p, "mprotect", a, len, pr);
      return;
    }
    case BRK: {
      u64 to = brk_now + P * below(24) - P * below(16);
      if (chance(15)) to += below(4096);
      if (chance(4)) to = 0;
      if (chance(5)) to = pick(p);
      do_brk(p, to);
      return;
    }
    case MREMAP: {
      u64 n = chance(30) ? len : chance(40) ? len + P * below(32) : length(), to = 0, flags = 0;
      int k = below(100);
      flags = k < 37 ? 1 : k < 62 ? 0 : k < 82 ? 3 : k < 92 ? 5 : k < 96 ? 7 : below(chance(50) ? 8 : 32);
      if (flags == 5 || flags == 7) if (chance(85)) n = len;
      if (chance(3)) len = 0;
      if (flags & 2) to = pick(p);
      if (harms(a, len) || ((flags & 2) && harms(to, n)) || harms(a, n)) return;
      do_mremap(p, a, len, n, flags, to);
      return;
    }
    case WRITE: do_touch(p, 'w', touched(p), below(256)); return;
    case READ: do_touch(p, 'r', touched(p), 0); return;
    case EXEC: do_touch(p, 'x', touched(p), 0); return;
    case MADVISE: {
      static const int usual[] = {4, 4, 4, 4, 4, 8, 8, 8, 8, 18, 18, 102, 102, 10, 10, 103, 0, 1, 2, 3, 9, 11, 12, 13,
        14, 15, 16, 17, 19, 20, 22, 23};
      static const int odd[] = {-1, 5, 6, 7, 24, 99, 104, 1000};
      u64 advice = chance(4) ? (u64) odd[below(8)] : (u64) usual[below(sizeof usual / sizeof *usual)];
      if (!harms(a, len)) do_range(p, "madvise", a, len, advice);
      return;
    }
    case MINCORE: if (len <= 0x800000) do_mincore(p, a, len); return;
    case MSYNC: {
      static const int usual[] = {1, 2, 3, 4, 6};
      do_range(p, "msync", a, len, chance(90) ? (u64) usual[below(5)] : below(16));
      return;
    }
    case MLOCK: if (!harms(a, len)) do_range(p, "mlock", a, len, 0); return;
    case MUNLOCK: if (!harms(a, len)) do_range(p, "munlock", a, len, 0); return;
    case MLOCK2: if (!harms(a, len)) do_range(p, "mlock2", a, len, chance(90) ? below(2) : below(5)); return;
    case MLOCKALL: do_mlockall(p, chance(90) ? 1 + below(7) : below(16)); return;
    case MUNLOCKALL: do_munlockall(p); return;
    case MSEAL: if (!harms(a, len)) do_range(p, "mseal", a, len, chance(97) ? 0 : 1); return;
    case SETRLIMIT: {
      int w = below(4);
      u64 inf = is32 ? 0xffffffff : ~0ull;
      u64 cur = chance(25) ? inf : chance(75) ? P * below(chance(50) ? 600 : 6000) : below(20000000);
      if (chance(4)) cur = 0;
      if (w == 3 && cur > 8388608) cur = below(8388608);
      do_setrlimit(p, w, cur);
      return;
    }
    case FREAD: case FWRITE: {
      int read = kind == FREAD, at = chance(60);
      u64 arg[4] = {chance(50) ? 77 : 0, chance(85) ? a + (chance(30) ? below(P) : 0) : touched(p), size(), place()};
      int d = chance(98) ? file() : 0;
      if (read && harms(arg[1], arg[2])) return;
      do_sys(p, at ? (read ? "pread64" : "pwrite64") : read ? "sys_read" : "sys_write", d, arg);
      if (chance(12)) { u64 to[3] = {0, place(), below(3)}; do_sys(p, "lseek", d ? d : 1, to); }
      return;
    }
    case FSIZE: {
      u64 arg[2] = {77, chance(3) ? rnd() : place()};
      int d = chance(98) ? file() : 0;
      if (chance(20) && d && d < 8) do_truncate(p, d, chance(40) ? 0 : place()); else do_sys(p, "ftruncate", d, arg);
      return;
    }
    case FHOLE: {
      static const int modes[] = {0, 1, 3, 3, 3, 3, 2, 16, 17};
      u64 arg[4] = {77, chance(96) ? (u64) modes[below(9)] : below(128) & ~0x28, place(), chance(96) ? size() : rnd()};
      if ((arg[1] & 0x28) || arg[3] > 0x10000000) arg[1] = 3;
      do_sys(p, "fallocate", chance(98) ? file() : 0, arg);
      return;
    }
    case FSYNC: { u64 arg[1] = {77}; do_sys(p, chance(50) ? "fsync" : "fdatasync", chance(96) ? file() : 0, arg); return; }
    case SEGGET: {
      u64 arg[3] = {chance(70) ? 0 : 0x6d340000 + below(3), size(), chance(80) ? 01600 : chance(50) ? 0600 : 03600};
      if (chance(8)) arg[2] |= 010000;
      if (chance(12)) arg[2] = (arg[2] & ~0777ull) | below(01000);
      if (pools_ && chance(60)) arg[2] |= 04000 | (chance(80) ? 0 : 30u << 26);
      do_sys(p, "shmget", 0, arg);
      return;
    }
    case SEGAT: {
      static const int flags[] = {0, 0, 0, 010000, 020000, 040000, 060000, 0100000};
      u64 arg[3] = {below(segments_ + (chance(4) ? 2 : 0) + !segments_), chance(60) ? 0 : a, (u64) flags[below(8)]};
      if (chance(20) && arg[1]) arg[1] += below(P);
      if (arg[1] && harms(arg[1] & ~4095ull, 0x200000)) return;
      do_sys(p, "shmat", 0, arg);
      return;
    }
    case SEGDT: {
      u64 arg[1] = {chance(75) ? segment_at(p) : a};
      do_sys(p, "shmdt", 0, arg);
      return;
    }
    case SEGCTL: {
      static const int commands[] = {0, 0, 0, 1, 2, 2, 11, 12};
      u64 arg[3] = {below(segments_ + 1), (u64) commands[below(8)], chance(80) ? a : 0};
      if (arg[1] && harms(arg[2], P)) return;
      if (arg[1] == 1 && is_clock(p, arg[2])) return; /* nobody knows what owner and mode the clock would name */
      do_sys(p, "shmctl", 0, arg);
      return;
    }
    case MEMFD:
      if (p == 0 && memfds_ < 8) {
        u64 flags = chance(70) ? 2 : chance(50) ? 0 : below(32) & ~4;
        if (pools_) flags = 4 | (chance(70) ? 0 : chance(50) ? 21u << 26 : 30u << 26) | (chance(50) ? 2 : 0);
        do_memfd(p, flags);
      }
      return;
    case SEAL: {
      u64 arg[3] = {77, chance(70) ? 1033 : 1034, 1ull << below(7)};
      if (chance(80) && arg[2] == 1) arg[2] = 2;
      do_sys(p, "fcntl", chance(80) && memfds_ ? 101 + below(memfds_) : file(), arg);
      return;
    }
    case REMAP: {
      u64 arg[5] = {a, len, chance(95) ? 0 : 1, chance(90) ? below(20) : rnd(), chance(90) ? 0 : 0x10000};
      if (!harms(a, len)) do_sys(p, "remap_file_pages", 0, arg);
      return;
    }
    case OPTION: {
      static const int options[] = {41, 42, 41, 0x53564d41, 35, 66, 67, 68};
      u64 arg[5] = {(u64) options[below(8)], below(2), chance(80) ? 0 : below(4), chance(95) ? 0 : 1, 0};
      if (arg[0] == 35) arg[1] = chance(80) ? 1 + below(13) : below(40), arg[2] = pick(p);
      do_sys(p, "prctl", 0, arg);
      return;
    }
    case PKEY: {
      u64 key[4] = {a, len, prot(), chance(40) ? ~0ull : below(3)}, two[2] = {chance(80) ? 0 : 1, below(5)};
      if (chance(60)) { if (!harms(a, len)) do_sys(p, "pkey_mprotect", 0, key); }
      else do_sys(p, chance(70) ? "pkey_alloc" : "pkey_free", 0, two);
      return;
    }
    case PADVISE: {
      static const int usual[] = {4, 4, 8, 10, 0, 20, 3, 22, 23, 102, 103, 14, 15};
      u64 arg[5] = {1, a, len, (u64) usual[below(13)], chance(96) ? 0 : 1};
      if (!harms(a, len)) do_sys(p, "process_madvise", 0, arg);
      return;
    }
    case PAGESCAN: scan_(p, a, len); return;
    case SETMM: set_mm(p); return;
    case CLEARREFS: do_clear_refs(p, below(7)); return;
    case OWNER: {
      u64 arg[1] = {chance(50) ? 65534 : chance(50) ? 0 : 100 + below(3)};
      if (p && chance(60)) do_sys(p, chance(50) ? "setuid" : "setgid", 0, arg);
      return;
    }
    case ADVISE: advise(p); return;
    case SHIFT: {
      u64 arg[4] = {77, chance(50) ? 8 : 32, P * below(20), P * (1 + below(12))};
      if (chance(10)) arg[2 + below(2)] += 1 + below(P - 1);
      if (chance(5)) arg[1] |= 1;
      do_sys(p, "fallocate", file(), arg);
      return;
    }
    case POLICY: policy(p, a, len); return;
    case LIMIT: {
      static const char *limits[] = {"shmmax", "shmall", "shmmni", "shm_next_id"};
      int w = below(4);
      u64 value = w == 0 ? (chance(40) ? 0x7fffffffffffffff : P * below(40)) : w == 1 ? (chance(40) ? 0x7fffffffffffffff : below(200))
        : w == 2 ? (chance(60) ? 4096 : below(12)) : (below(3) << 15) + below(9);
      do_segment_limit(p, limits[w], value);
      return;
    }
    case RECLAIM: if (!harms(a, len)) do_range(p, "madvise", a, len, chance(55) ? 21 : 25); return;
    case POOL: pool_(p); return;
    case POOLMAP: pool_map(p); return;
    case UNLINK: do_unlink(p, 1 + below(6)); return;
    case FORK: if (living() < MAXP && nproc_ < MAXP * 8 - 1 && calls_made > 8) do_fork(p); return;
    case EXIT: if (living() > 1 && p > 0) do_exit(p); return;
  }
}

static int has_new_calls(unsigned m) {
  for (int i = FREAD; i < KINDS; i++) if (mixes[m].weight[i]) return 1;
  return 0;
}

static unsigned find(const char *mix) {
  unsigned m = 0;
  while (m < sizeof mixes / sizeof *mixes && strcmp(mixes[m].name, mix)) m++;
  return m;
}

int mix_allowed(const char *mix) {
  unsigned m = find(mix), count = sizeof mixes / sizeof *mixes;
  if (m < count && (!is32 || !has_new_calls(m))) return 1;
  fprintf(stderr, m == count ? "no mix '%s': allowed are"
                             : "mix %s has calls that the 32-bit victim does not make: allowed are", mix);
  for (m = 0; m < count; m++) if (!is32 || !has_new_calls(m)) fprintf(stderr, " %s,", mixes[m].name);
  fprintf(stderr, " script\n");
  return 0;
}

void mix_run(const char *mix, int calls) {
  unsigned m = find(mix);
  pools_ = mixes[m].weight[POOLMAP] > 0;
  int sum = 0, per = calls / 10 ? calls / 10 : 1, next = per;
  for (int i = 0; i < KINDS; i++) sum += mixes[m].weight[i];
  while (calls_made < calls) {
    int p = below(nproc_), k = below(sum), kind = 0;
    while (k >= mixes[m].weight[kind]) k -= mixes[m].weight[kind++];
    if (!proc[p].pid) continue;
    one(p, kind, mixes[m].files);
    if (calls_made >= next) {
      for (int i = 0; i < nproc_; i++) if (proc[i].pid) print_maps(i, "periodic");
      next += per;
    }
  }
}
