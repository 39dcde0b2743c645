// SPDX-License-Identifier: Apache-2.0
/*
 * Records what the running kernel answers to a random sequence of memory calls, in the format of the
 * vma corpus (VMACORPUS 1). The victim is traced; each call or touch is made by setting its registers,
 * and its maps are read before and after.
 *
 *   record SEED CALLS MIX [-3] [-c] [-l] [-s BYTES|inf] > FILE.vma
 *     MIX  basic, remap, files, faults, fork, limits or stress
 *     -3   the 32-bit victim, 3 GiB of user space;  -c  bottom-up layout;  -s  RLIMIT_STACK
 * Run as root: the victim becomes uid 65534 without capabilities.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint64_t u64;
#define P 4096ull
#define MAXP 5
static u64 rng;
static u64 rnd(void) { rng ^= rng << 13; rng ^= rng >> 7; rng ^= rng << 17; return rng * 0x2545F4914F6CDD1Dull; }
static u64 below(u64 n) { return (rnd() >> 11) % n; }
static int chance(int percent) { return (int) below(100) < percent; }

static int is32, calls_made;
static u64 code_base, data_page, task_size;
static char dir[200];
static struct { pid_t pid; char *maps; } proc[MAXP];
static int nproc_;
static struct { u64 ino; int n; } shm[4096];
static int nshm;

static void die(const char *what) { perror(what); exit(1); }

static char *slurp(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) die(path);
  size_t cap = 1 << 16, n = 0;
  char *b = malloc(cap + 1);
  for (;;) {
    ssize_t r = read(fd, b + n, cap - n);
    if (r < 0) die(path);
    if (r == 0) break;
    n += r;
    if (n == cap) b = realloc(b, (cap *= 2) + 1);
  }
  b[n] = 0;
  close(fd);
  return b;
}

/* One line of /proc/PID/maps in the corpus' form. */
static void convert(const char *line, char *out) {
  u64 a, b, off, ino;
  unsigned maj, min;
  char perm[8], name[300] = "";
  int n = 0;
  sscanf(line, "%lx-%lx %7s %lx %x:%x %lu %n", &a, &b, perm, &off, &maj, &min, &ino, &n);
  snprintf(name, sizeof name, "%s", line + n);
  char *nl = strchr(name, '\n');
  if (nl) *nl = 0;
  char id[300] = "-";
  int file = ino != 0;
  if (strstr(name, "/dev/zero (deleted)")) {
    int i;
    for (i = 0; i < nshm && shm[i].ino != ino; i++) {}
    if (i == nshm) { shm[nshm].ino = ino; nshm++; }
    snprintf(id, sizeof id, "Z%d", i + 1);
  } else if (!strcmp(name, "/dev/zero")) strcpy(id, "ZERO");
  else if (strstr(name, "/victim")) strcpy(id, "EXE");
  else if (strrchr(name, '/') && strrchr(name, '/')[1] == 'F') strcpy(id, strrchr(name, '/') + 1);
  else if (name[0] == '[') strcpy(id, name);
  sprintf(out, "%lx-%lx %s %lx %s %s\n", a, b, perm, off, file ? "F F" : "0 0", id);
}

static char *read_maps(pid_t pid) {
  char path[64];
  sprintf(path, "/proc/%d/maps", pid);
  char *raw = slurp(path), *out = malloc(strlen(raw) * 2 + 400), *o = out, *p = raw;
  *o = 0;
  while (*p) {
    char *nl = strchr(p, '\n');
    if (nl) *nl = 0;
    convert(p, o);
    o += strlen(o);
    if (!nl) break;
    p = nl + 1;
  }
  free(raw);
  return out;
}

static int count_lines(const char *s) { int n = 0; for (; *s; s++) n += *s == '\n'; return n; }

static u64 line_start(const char *s) { return strtoull(s, 0, 16); }

/* Prints the - and + lines between two sorted maps. */
static void diff(const char *old, const char *new) {
  const char *o = old, *n = new;
  char minus[1 << 20], plus[1 << 20];
  size_t m = 0, q = 0;
  minus[0] = plus[0] = 0;
  while (*o || *n) {
    size_t lo = *o ? strchr(o, '\n') - o + 1 : 0, ln = *n ? strchr(n, '\n') - n + 1 : 0;
    if (lo && lo == ln && !memcmp(o, n, lo)) { o += lo; n += ln; continue; }
    int takeo = lo && (!ln || line_start(o) <= line_start(n));
    int taken = ln && (!lo || line_start(n) <= line_start(o));
    if (takeo) { m += sprintf(minus + m, "- %.*s", (int) lo, o); o += lo; }
    if (taken) { q += sprintf(plus + q, "+ %.*s", (int) ln, n); n += ln; }
  }
  fputs(minus, stdout);
  fputs(plus, stdout);
}

/* Sets registers, runs to the breakpoint. Returns 0, or the signal that hit. */
static int run(int p, u64 entry, u64 rax, const u64 *arg, u64 *result, siginfo_t *info) {
  pid_t pid = proc[p].pid;
  struct user_regs_struct r, save;
  if (ptrace(PTRACE_GETREGS, pid, 0, &r)) die("getregs");
  save = r;
  r.rip = code_base + entry;
  if (entry > 0x3f) r.rip = entry;
  r.orig_rax = -1;
  r.rax = rax;
  if (is32) {
    r.rbx = (uint32_t) arg[0]; r.rcx = (uint32_t) arg[1]; r.rdx = (uint32_t) arg[2];
    r.rsi = (uint32_t) arg[3]; r.rdi = (uint32_t) arg[4]; r.rbp = (uint32_t) arg[5];
    if (entry == 0x34 || entry == 0x38) { r.rdi = (uint32_t) arg[0]; r.rcx = arg[1]; }
  } else {
    r.rdi = arg[0]; r.rsi = arg[1]; r.rdx = arg[2]; r.r10 = arg[3]; r.r8 = arg[4]; r.r9 = arg[5];
  }
  if (ptrace(PTRACE_SETREGS, pid, 0, &r)) die("setregs");
  for (;;) {
    int status;
    if (ptrace(PTRACE_CONT, pid, 0, 0)) die("cont");
    if (waitpid(pid, &status, __WALL) < 0) die("wait");
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      fprintf(stderr, "victim died, status %x\n", status);
      exit(3);
    }
    int sig = WSTOPSIG(status);
    if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_FORK << 8))) continue;
    if (sig == SIGTRAP) {
      ptrace(PTRACE_GETREGS, pid, 0, &r);
      *result = r.rax;
      ptrace(PTRACE_SETREGS, pid, 0, &save);
      return 0;
    }
    ptrace(PTRACE_GETSIGINFO, pid, 0, info);
    ptrace(PTRACE_SETREGS, pid, 0, &save);
    return sig;
  }
}

static const char *names[] = {[1] = "EPERM", [2] = "ENOENT", [9] = "EBADF", [11] = "EAGAIN",
  [12] = "ENOMEM", [13] = "EACCES", [14] = "EFAULT", [16] = "EBUSY", [17] = "EEXIST", [19] = "ENODEV",
  [22] = "EINVAL", [34] = "ERANGE", [38] = "ENOSYS", [75] = "EOVERFLOW", [95] = "EOPNOTSUPP"};

static void print_result(u64 v, int address) {
  if (is32) v = (u64) (int64_t) (int32_t) v;
  if ((int64_t) v < 0 && (int64_t) v >= -4095) {
    u64 e = -v;
    if (e < sizeof names / sizeof *names && names[e]) printf("= -%s", names[e]);
    else printf("= -E%lu", e);
  } else if (address) printf("= 0x%lx", is32 ? (u64) (uint32_t) v : v);
  else printf("= %ld", (long) v);
}

static void after(int p) {
  char *m = read_maps(proc[p].pid);
  diff(proc[p].maps, m);
  free(proc[p].maps);
  proc[p].maps = m;
}

static u64 call(int p, int nr64, int nr32, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  u64 arg[6] = {a, b, c, d, e, f}, v = 0;
  siginfo_t info;
  if (run(p, 0x30, is32 ? nr32 : nr64, arg, &v, &info)) { fprintf(stderr, "signal in a call\n"); exit(3); }
  return v;
}

static void touch(int p, char kind, u64 addr, int val) {
  if (is32) addr = (uint32_t) addr;
  u64 arg[6] = {addr, val}, v;
  siginfo_t info;
  int sig = run(p, kind == 'r' ? 0x34 : kind == 'w' ? 0x38 : addr, 0, arg, &v, &info);
  printf("%d p%d %s addr=0x%lx", ++calls_made, p, kind == 'r' ? "read" : kind == 'w' ? "write" : "exec", addr);
  if (kind == 'w') printf(" val=0x%x", val);
  if (!sig) printf(kind == 'r' ? " = ok val=0x%02x\n" : " = ok\n", (unsigned) (v & 255));
  else if (sig == SIGSEGV)
    printf(" = SIGSEGV %s addr=0x%lx\n", info.si_code == SEGV_MAPERR ? "MAPERR" : info.si_code == SEGV_ACCERR ? "ACCERR" : "KERNEL",
           info.si_code > 0x7f ? 0 : (u64) info.si_addr);
  else if (sig == SIGBUS) printf(" = SIGBUS ADRERR addr=0x%lx\n", (u64) info.si_addr);
  else { fprintf(stderr, "signal %d\n", sig); exit(3); }
  after(p);
}

/* An address that is likely to matter. */
static u64 pick(int p) {
  u64 s[600], e[600];
  int n = 0;
  for (char *l = proc[p].maps; *l && n < 600; l = strchr(l, '\n') + 1) {
    char *x;
    s[n] = strtoull(l, &x, 16);
    e[n] = strtoull(x + 1, 0, 16);
    if (strstr(l, "[v") && strstr(l, "[v") < strchr(l, '\n') && chance(90)) continue;
    if (e[n] > task_size) continue;
    /* never the victim's own code and first data page */
    if (s[n] < data_page + 4 * P) continue;
    n++;
  }
  if (n == 0) return 0x10000000;
  int i = below(n);
  u64 a;
  switch (below(10)) {
    case 0: case 1: case 2: a = s[i]; break;
    case 3: case 4: a = s[i] + P * below((e[i] - s[i]) / P); break;
    case 5: a = e[i]; break;
    case 6: a = s[i] - P * (1 + below(16)); break;
    case 7: a = e[i] + P * below(16); break;
    case 8: a = 0x10000000 + P * below(100); break;
    default: a = (is32 ? 0x30000000 : 0x20000000) + (below(8) << 21); break;
  }
  if (chance(2)) a += below(4096);
  if (a < data_page + 4 * P && a + 32 * P >= code_base - P) a = data_page + 4 * P + P * below(32);
  return a;
}

static u64 length(void) {
  int k = below(40);
  if (k < 30) return P * (1 + below(16));
  if (k < 34) return P;
  if (k == 34) return 0x200000 * (1 + below(3));
  if (k == 35) return 0x200000 + P * below(64);
  if (k == 36) return 1 + below(0x20000);
  if (k == 37) return P * below(1024);
  if (k == 38) return is32 ? 0x8000 : 0;
  return P * (1 + below(400));
}

/* A range must not hit code or data of the victim: it would die. */
static int harms(u64 a, u64 len) {
  u64 lo = code_base - P, hi = data_page + 4 * P;
  return len > (1ull << 46) || (a < hi && a + len + P > lo);
}

static const int prots[] = {3, 3, 3, 3, 1, 1, 0, 5, 7, 2, 4};
#define PROT prots[below(sizeof prots / sizeof *prots)]

static void do_mmap(int p, const char *mix) {
  u64 addr = chance(45) ? 0 : pick(p), len = length(), off = 0;
  int prot = PROT, flags, fd = -1, d = 0;
  int files = !strcmp(mix, "files") || !strcmp(mix, "stress") || !strcmp(mix, "faults") || !strcmp(mix, "remap");
  if (files && chance(!strcmp(mix, "files") ? 60 : 25)) {
    d = 1 + below(8);
    fd = 10 + d;
    flags = chance(40) ? 1 : 2;
    off = chance(60) ? 0 : P * below(20);
  } else flags = (chance(15) ? 1 : 2) | 0x20;
  if (addr && chance(40)) flags |= 0x10;
  else if (addr && chance(15)) flags |= 0x100000;
  if (chance(4)) flags |= 0x4000;
  if (chance(3)) flags |= 0x100;
  if (chance(3)) flags |= 0x8000;
  if (chance(2)) flags |= 0x20000;
  if (chance(!strcmp(mix, "limits") || !strcmp(mix, "stress") ? 4 : 1)) flags |= 0x2000;
  if (chance(2) && !is32) flags |= 0x40;
  if ((flags & 0x10) && (harms(addr, len))) return;
  u64 v = is32 ? call(p, 9, 192, addr, len, prot, flags, fd, off / P) : call(p, 9, 192, addr, len, prot, flags, fd, off);
  if (is32) addr = (uint32_t) addr, len = (uint32_t) len;
  printf("%d p%d mmap addr=0x%lx len=0x%lx prot=0x%x flags=0x%x fd=", ++calls_made, p, addr, len, prot, flags);
  if (d) printf("D%d", d); else printf("-1");
  printf(" off=0x%lx ", off);
  print_result(v, 1);
  puts("");
  after(p);
}

static void do_mremap(int p) {
  u64 a = pick(p), o = length(), n = chance(30) ? o : length(), to = 0;
  int flags = below(3) ? 1 : below(8);
  if (chance(3)) o = 0;
  if (flags & 2) to = pick(p);
  if (harms(a, o) || ((flags & 2) && harms(to, n)) || harms(a, n)) return;
  u64 v = call(p, 25, 163, a, o, n, flags, to, 0);
  printf("%d p%d mremap addr=0x%lx old=0x%lx new=0x%lx flags=0x%x newaddr=0x%lx ", ++calls_made, p, a, o, n, flags, to);
  print_result(v, 1);
  puts("");
  after(p);
}

static u64 brk_now;
static void step(int p, const char *mix) {
  int basic = !strcmp(mix, "basic"), limits = !strcmp(mix, "limits"), stress = !strcmp(mix, "stress");
  int k = below(100);
  u64 a = pick(p), len = length(), v;
  if (k < 30) { do_mmap(p, mix); return; }
  if (k < 42) {
    if (harms(a, len)) return;
    v = call(p, 11, 91, a, len, 0, 0, 0, 0);
    printf("%d p%d munmap addr=0x%lx len=0x%lx ", ++calls_made, p, a, len);
  } else if (k < 57) {
    int prot = PROT;
    if (chance(2)) prot |= 0x1000000;
    if (chance(1)) prot |= 0x2000000;
    if (harms(a, len)) return;
    v = call(p, 10, 125, a, len, prot, 0, 0, 0);
    printf("%d p%d mprotect addr=0x%lx len=0x%lx prot=0x%x ", ++calls_made, p, a, len, prot);
  } else if (k < 63) {
    u64 to = brk_now + P * below(24) - P * below(16) + (chance(20) ? below(4096) : 0);
    v = call(p, 12, 45, to, 0, 0, 0, 0, 0);
    if (p == 0) brk_now = v;
    printf("%d p%d brk addr=0x%lx = 0x%lx\n", ++calls_made, p, to, is32 ? (u64) (uint32_t) v : v);
    after(p);
    return;
  } else if (basic) { do_mmap(p, mix); return; }
  else if (k < 75) {
    if (!strcmp(mix, "remap") || stress || chance(40)) { do_mremap(p); return; }
    touch(p, 'w', a + below(P), 1 + below(255));
    return;
  } else if (k < 85) {
    touch(p, chance(60) ? 'w' : 'r', a + (chance(30) ? below(P) : 0), 1 + below(255));
    return;
  } else if (k < 90) {
    static const int adv[] = {0, 1, 2, 3, 4, 4, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 102, 103};
    int advice = adv[below(sizeof adv / sizeof *adv)];
    if (advice == 9 || advice == 21) advice = 4;
    if (harms(a, len)) return;
    v = call(p, 28, 219, a, len, advice, 0, 0, 0);
    printf("%d p%d madvise addr=0x%lx len=0x%lx advice=%d ", ++calls_made, p, a, len, advice);
  } else if (k < 95 || (!limits && !stress && k < 98)) {
    if (harms(a, len)) return;
    int w = below(14);
    if (w < 5) { v = call(p, 149, 150, a, len, 0, 0, 0, 0); printf("%d p%d mlock addr=0x%lx len=0x%lx ", ++calls_made, p, a, len); }
    else if (w < 7) { int fl = below(8) ? below(2) : 2; v = call(p, 325, 376, a, len, fl, 0, 0, 0); printf("%d p%d mlock2 addr=0x%lx len=0x%lx flags=0x%x ", ++calls_made, p, a, len, fl); }
    else if (w < 10) { v = call(p, 150, 151, a, len, 0, 0, 0, 0); printf("%d p%d munlock addr=0x%lx len=0x%lx ", ++calls_made, p, a, len); }
    else if (w < 12) { int fl = below(8); v = call(p, 26, 144, a, len, fl, 0, 0, 0); printf("%d p%d msync addr=0x%lx len=0x%lx flags=0x%x ", ++calls_made, p, a, len, fl); }
    else if (w == 12 && chance(30)) { int fl = below(8); v = call(p, 151, 152, fl, 0, 0, 0, 0, 0); printf("%d p%d mlockall flags=0x%x ", ++calls_made, p, fl); }
    else if (w == 12) { v = call(p, 152, 153, 0, 0, 0, 0, 0, 0); printf("%d p%d munlockall ", ++calls_made, p); }
    else if (chance(40)) { v = call(p, 462, 462, a, len, 0, 0, 0, 0); printf("%d p%d mseal addr=0x%lx len=0x%lx flags=0x0 ", ++calls_made, p, a, len); }
    else return;
  } else if (limits || stress) {
    static const char *rn[] = {"AS", "DATA", "STACK", "MEMLOCK"};
    static const int rr[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK};
    int w = below(4);
    u64 cur = chance(25) ? (is32 ? 0xffffffff : ~0ull) : below(4) ? P * below(600) : below(4000000);
    if (w == 3 && cur > 8388608) cur = below(8388608);
    if (w == 0 && cur < 1000000) cur += 1500000;
    u64 rl[2] = {cur, w == 3 ? 8388608 : ~0ull};
    uint32_t rl32[2] = {cur, w == 3 ? 8388608 : ~0u};
    u64 where = data_page + 0x3f00;
    pid_t pid = proc[p].pid;
    char path[64];
    sprintf(path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDWR);
    if (is32) { if (pwrite(fd, rl32, 8, where) != 8) die("mem"); } else if (pwrite(fd, rl, 16, where) != 16) die("mem");
    close(fd);
    v = call(p, 160, 75, rr[w], where, 0, 0, 0, 0);
    printf("%d p%d setrlimit res=%s cur=", ++calls_made, p, rn[w]);
    if (cur == (is32 ? 0xffffffff : ~0ull)) printf("inf "); else printf("%lu ", cur);
  } else return;
  print_result(v, 0);
  puts("");
  after(p);
}

static void fork_(int p) {
  u64 v = call(p, 57, 2, 0, 0, 0, 0, 0, 0);
  if ((int64_t) v <= 0) return;
  int status, n = nproc_;
  if (waitpid((pid_t) v, &status, __WALL) < 0) die("wait child");
  /* let the child run to the breakpoint behind its system call */
  for (;;) {
    ptrace(PTRACE_CONT, (pid_t) v, 0, 0);
    if (waitpid((pid_t) v, &status, __WALL) < 0) die("wait child");
    if (WSTOPSIG(status) == SIGTRAP) break;
  }
  ptrace(PTRACE_SETOPTIONS, (pid_t) v, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
  proc[n].pid = (pid_t) v;
  proc[n].maps = read_maps((pid_t) v);
  nproc_++;
  printf("%d p%d fork = p%d\n", ++calls_made, p, n);
  printf("maps p%d n=%d forked\n%send\n", n, count_lines(proc[n].maps), proc[n].maps);
}

static u64 stat_field(pid_t pid, int n) {
  char path[64];
  sprintf(path, "/proc/%d/stat", pid);
  char *s = slurp(path), *p = strrchr(s, ')') + 2;
  for (int i = 3; i < n; i++) p = strchr(p, ' ') + 1;
  return strtoull(p, 0, 10);
}

static void start_state(pid_t pid) {
  char path[64];
  sprintf(path, "/proc/%d/smaps", pid);
  char *s = slurp(path), *p = s;
  sprintf(path, "/proc/%d/pagemap", pid);
  int pm = open(path, O_RDONLY);
  printf("state p0 n=%d start\n", count_lines(proc[0].maps));
  char line[600] = "", flags[300] = "";
  u64 rss = 0, anon = 0, lock = 0, a = 0, b = 0;
  while (*p) {
    char *nl = strchr(p, '\n');
    *nl = 0;
    u64 x;
    if (sscanf(p, "Rss: %lu", &x) == 1) rss = x;
    else if (sscanf(p, "Anonymous: %lu", &x) == 1) anon = x;
    else if (sscanf(p, "Locked: %lu", &x) == 1) lock = x;
    else if (!strncmp(p, "VmFlags: ", 9)) {
      strcpy(flags, p + 9);
      for (char *q = flags; *q; q++) if (*q == ' ') *q = q[1] ? ',' : 0;
      line[strlen(line) - 1] = 0;
      char pages[4000] = "?", *o = pages;
      if (a < task_size && !strstr(line, "[vv")) {
        int run = 0;
        char last = 0;
        for (u64 v = a; v <= b; v += P) {
          char c = 0;
          if (v < b) {
            u64 e = 0;
            if (pread(pm, &e, 8, v / P * 8) != 8) e = 0;
            c = !(e >> 63) ? '.' : (e >> 61 & 1) ? 'F' : 'A';
          }
          if (c != last) {
            if (last) o += sprintf(o, "%s%c%d", o == pages ? "" : ",", last, run);
            last = c;
            run = 0;
          }
          run++;
        }
      }
      printf("%s rss=%lu anon=%lu locked=%lu ahp=0 flags=%s pages=%s\n", line, rss, anon, lock, flags, pages);
    } else if (strchr(p, '-') && strtoull(p, 0, 16) && strchr(p, '-') - p < 17 && strchr("0123456789abcdef", *p)) {
      convert(p, line);
      a = strtoull(p, 0, 16);
      b = strtoull(strchr(p, '-') + 1, 0, 16);
    }
    p = nl + 1;
  }
  puts("end");
  free(s);
  close(pm);
}

int main(int argc, char **argv) {
  if (argc < 4) { fprintf(stderr, "usage: record SEED CALLS MIX [-3] [-c] [-s BYTES|inf]\n"); return 2; }
  u64 seed = strtoull(argv[1], 0, 10);
  int n = atoi(argv[2]), compat = 0, three = 0;
  const char *mix = argv[3];
  u64 stack = 8388608;
  for (int i = 4; i < argc; i++) {
    if (!strcmp(argv[i], "-3")) is32 = three = 1;
    if (!strcmp(argv[i], "-c")) compat = 1;
    if (!strcmp(argv[i], "-s")) { i++; stack = !strcmp(argv[i], "inf") ? ~0ull : strtoull(argv[i], 0, 0); }
  }
  rng = seed * 0x9E3779B97F4A7C15ull + 88172645463325252ull;
  if (!getcwd(dir, sizeof dir)) die("cwd");
  code_base = is32 ? 0x8049000 : 0x401000;
  data_page = code_base + 0x2000;
  task_size = is32 ? 0xc0000000 : 0x7ffffffff000;
  static const struct { const char *path; off_t size; } files[] = {{"F1", 65536}, {"F2", 10000}, {"F3", 3145728}, {"/dev/shm/F4", 40960}, {"F5", 0}};
  for (int i = 0; i < 5; i++) {
    int fd = open(files[i].path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) die(files[i].path);
    for (off_t k = 0; k < files[i].size; k += P) {
      char page[P];
      memset(page, (k / P + 7 * (i + 1) + 1) & 255, P);
      off_t w = files[i].size - k < (off_t) P ? files[i].size - k : (off_t) P;
      if (write(fd, page, w) != w) die("write");
    }
    fchmod(fd, 0666);
    close(fd);
  }
  pid_t pid = fork();
  if (pid == 0) {
    static const struct { const char *path; int mode; } ds[] = {{"F1", O_RDWR}, {"F1", O_RDONLY}, {"F2", O_RDONLY}, {"F3", O_RDWR},
      {"/dev/shm/F4", O_RDWR}, {"F5", O_RDWR}, {"F1", O_WRONLY}, {"/dev/zero", O_RDWR}};
    for (int i = 0; i < 8; i++) {
      int fd = open(ds[i].path, ds[i].mode);
      if (fd < 0) die(ds[i].path);
      dup2(fd, 11 + i);
      if (fd != 11 + i) close(fd);
    }
    struct rlimit rl = {stack, RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &rl);
    struct rlimit ml = {8388608, 8388608};
    setrlimit(RLIMIT_MEMLOCK, &ml);
    struct rlimit inf = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &inf);
    setrlimit(RLIMIT_DATA, &inf);
    personality(ADDR_NO_RANDOMIZE | (compat ? ADDR_COMPAT_LAYOUT : 0) | (three ? ADDR_LIMIT_3GB : 0));
    if (setgid(65534) || setuid(65534)) die("setuid");
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    char *av[] = {"v", 0}, *ev[] = {0};
    execve(is32 ? "./victim32" : "./victim64", av, ev);
    die("exec victim");
  }
  int status;
  waitpid(pid, &status, 0);
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
  ptrace(PTRACE_CONT, pid, 0, 0);
  waitpid(pid, &status, 0);
  if (WSTOPSIG(status) != SIGTRAP) { fprintf(stderr, "victim did not start: %x\n", status); return 3; }
  proc[0].pid = pid;
  proc[0].maps = read_maps(pid);
  nproc_ = 1;
  char *vd = strstr(proc[0].maps, "[vdso]"), *vv = strstr(proc[0].maps, "[vvar]");
  while (vd > proc[0].maps && vd[-1] != '\n') vd--;
  while (vv > proc[0].maps && vv[-1] != '\n') vv--;
  u64 base = compat ? strtoull(vv, 0, 16) : strtoull(strchr(vd, '-') + 1, 0, 16);
  char *mi = slurp("/proc/meminfo");
  char *thp = slurp("/sys/kernel/mm/transparent_hugepage/enabled");
  char *th = strchr(thp, '[') + 1;
  *strchr(th, ']') = 0;
  char *rel = slurp("/proc/sys/kernel/osrelease");
  rel[strcspn(rel, "\n")] = 0;
  printf("VMACORPUS 1\nid %s-%lu\nclass %s\nscenario %s\nseed %lu\nkernel %s x86_64%s\n", mix, seed, is32 ? "ia32" : mix, is32 ? mix : "-", seed, rel, is32 ? " i386-compat" : "");
  printf("thp enabled=%s hugepage_size=2097152 shmem=never mthp=none khugepaged=idle\n", th);
  printf("sysctl overcommit_memory=%d overcommit_ratio=%d max_map_count=%d mmap_min_addr=%d lsm_mmap_min_addr=65536 legacy_va_layout=0 stack_guard_gap=256\n",
         atoi(slurp("/proc/sys/vm/overcommit_memory")), atoi(slurp("/proc/sys/vm/overcommit_ratio")), atoi(slurp("/proc/sys/vm/max_map_count")), atoi(slurp("/proc/sys/vm/mmap_min_addr")));
  printf("memory total_kb=%lu swap_kb=%lu\ncred uid=65534 caps=none\n", strtoul(strstr(mi, "MemTotal:") + 9, 0, 10), strtoul(strstr(mi, "SwapTotal:") + 10, 0, 10));
  printf("personality ADDR_NO_RANDOMIZE%s%s\n", compat ? ",ADDR_COMPAT_LAYOUT" : "", three ? ",ADDR_LIMIT_3GB" : "");
  if (stack == ~0ull) printf("rlimit AS=inf DATA=inf STACK=inf MEMLOCK=8388608\n");
  else printf("rlimit AS=inf DATA=inf STACK=%lu MEMLOCK=8388608\n", stack);
  printf("mm mmap_base=0x%lx topdown=%d task_size=0x%lx start_code=0x%lx end_code=0x%lx start_data=0x%lx end_data=0x%lx start_brk=0x%lx brk=0x%lx start_stack=0x%lx arg_start=0x%lx arg_end=0x%lx env_start=0x%lx env_end=0x%lx\n",
         base, !compat, task_size, stat_field(pid, 26), stat_field(pid, 27), stat_field(pid, 45), stat_field(pid, 46), stat_field(pid, 47),
         (brk_now = call(0, 12, 45, 0, 0, 0, 0, 0, 0)), stat_field(pid, 28), stat_field(pid, 48), stat_field(pid, 49), stat_field(pid, 50), stat_field(pid, 51));
  puts("file F1 size=65536 fs=ext4\nfile F2 size=10000 fs=ext4\nfile F3 size=3145728 fs=ext4\nfile F4 size=40960 fs=tmpfs\nfile F5 size=0 fs=ext4\nfile ZERO size=0 fs=devzero");
  puts("open D1 F1 mode=rdwr\nopen D2 F1 mode=rdonly\nopen D3 F2 mode=rdonly\nopen D4 F3 mode=rdwr\nopen D5 F4 mode=rdwr\nopen D6 F5 mode=rdwr\nopen D7 F1 mode=wronly\nopen D8 ZERO mode=rdwr");
  start_state(pid);
  puts("status p0 VmPeak=188 VmSize=188 VmLck=0 VmPin=0 VmRSS=24 RssAnon=20 RssFile=4 RssShmem=0 VmData=16 VmStk=132 VmExe=4 VmLib=8 VmPTE=24\ncalls");
  int forks = !strcmp(mix, "fork") || !strcmp(mix, "stress");
  while (calls_made < n) {
    int p = below(nproc_);
    if (forks && nproc_ < MAXP - 1 && chance(3) && calls_made > 10) { fork_(p); continue; }
    step(p, !strcmp(mix, "fork") ? (chance(50) ? "faults" : "remap") : mix);
  }
  for (int p = 0; p < nproc_; p++)
    printf("maps p%d n=%d final\n%send\n", p, count_lines(proc[p].maps), proc[p].maps);
  printf("eof calls=%d\n", calls_made);
  for (int p = 0; p < nproc_; p++) kill(proc[p].pid, SIGKILL);
  return 0;
}
