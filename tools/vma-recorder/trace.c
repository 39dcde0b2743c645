// SPDX-License-Identifier: Apache-2.0
/*
 * Makes one call or touch in the traced victim: sets its registers, lets it run to the breakpoint,
 * prints the line, then what changed in its maps.
 */
#include "recorder.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct victim proc[MAXP * 8];
int own_segments;
int nproc_, is32, read_implies_exec, calls_made, state_every;
u64 code_base, data_page, task_size, brk_now, last_result;
u64 results[1 << 20];

/* Sets registers, runs to the breakpoint. Returns 0, or the signal that hit. */
static int run(int p, int jump, u64 entry, u64 rax, const u64 *arg, u64 *result, siginfo_t *info) {
  pid_t pid = proc[p].pid;
  struct user_regs_struct r, save;
  if (ptrace(PTRACE_GETREGS, pid, 0, &r)) die("getregs");
  save = r;
  r.rip = jump ? entry : code_base + entry;
  r.orig_rax = -1;
  r.rax = rax;
  if (is32) {
    r.rbx = (uint32_t) arg[0]; r.rcx = (uint32_t) arg[1]; r.rdx = (uint32_t) arg[2];
    r.rsi = (uint32_t) arg[3]; r.rdi = (uint32_t) arg[4]; r.rbp = (uint32_t) arg[5];
    if (!jump && (entry == 0x34 || entry == 0x38)) { r.rdi = (uint32_t) arg[0]; r.rcx = arg[1]; }
  } else {
    r.rdi = arg[0]; r.rsi = arg[1]; r.rdx = arg[2]; r.r10 = arg[3]; r.r8 = arg[4]; r.r9 = arg[5];
  }
  if (ptrace(PTRACE_SETREGS, pid, 0, &r)) die("setregs");
  for (;;) {
    int status;
    if (ptrace(PTRACE_CONT, pid, 0, 0)) die("cont");
    if (waitpid(pid, &status, __WALL) < 0) die("wait");
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      fprintf(stderr, "victim died, status %x, after call %d\n", status, calls_made);
      exit(3);
    }
    int sig = WSTOPSIG(status);
    if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_FORK << 8))) continue;
    if (sig == SIGCHLD) continue; /* a child was killed */
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

static const char *names[] = {[1] = "EPERM", [2] = "ENOENT", [5] = "EIO", [9] = "EBADF", [11] = "EAGAIN",
  [12] = "ENOMEM", [13] = "EACCES", [14] = "EFAULT", [16] = "EBUSY", [17] = "EEXIST", [19] = "ENODEV",
  [22] = "EINVAL", [27] = "EFBIG", [28] = "ENOSPC", [29] = "ESPIPE", [43] = "EIDRM", [34] = "ERANGE", [38] = "ENOSYS", [75] = "EOVERFLOW", [95] = "EOPNOTSUPP"};

static int failed(u64 v) {
  if (is32) v = (u64) (int64_t) (int32_t) v;
  return (int64_t) v < 0 && (int64_t) v >= -4095;
}

static void print_result(u64 v, int address) {
  if (is32) v = (u64) (int64_t) (int32_t) v;
  if ((int64_t) v < 0 && (int64_t) v >= -4095) {
    u64 e = -v;
    if (e < sizeof names / sizeof *names && names[e]) printf("= -%s\n", names[e]);
    else printf("= -E%lu\n", e);
  } else if (address) printf("= 0x%lx\n", is32 ? (u64) (uint32_t) v : v);
  else printf("= %ld\n", (long) v);
}

static void after(int p, u64 v) {
  char *m = read_maps(proc[p].pid);
  print_change(proc[p].maps, m);
  free(proc[p].maps);
  proc[p].maps = m;
  last_result = results[calls_made] = is32 ? (uint32_t) v : v;
  if (state_every && calls_made % state_every == 0)
    for (int i = 0; i < nproc_; i++) if (proc[i].pid) print_state(i, "asked");
}

u64 raw_call(int p, int nr64, int nr32, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  u64 arg[6] = {a, b, c, d, e, f}, v = 0;
  siginfo_t info;
  if (run(p, 0, 0x30, is32 ? nr32 : nr64, arg, &v, &info)) {
    fprintf(stderr, "signal in a call, after call %d\n", calls_made);
    exit(3);
  }
  return v;
}

static u64 word(u64 v) { return is32 ? (uint32_t) v : v; }

/* Whether a jump to this address would run code, perhaps because a mapping above grows down to it. */
static int executable(int p, u64 addr) {
  for (char *l = proc[p].maps; *l; l = strchr(l, '\n') + 1) {
    char *x;
    u64 s = strtoull(l, &x, 16), e = strtoull(x + 1, &x, 16);
    if (addr < e) return x[3] == 'x' && (addr >= s || s - addr < 1 << 23);
  }
  return 0;
}

void do_touch(int p, char kind, u64 addr, int val) {
  addr = word(addr);
  if (kind == 'x' && executable(p, addr)) return;
  u64 arg[6] = {addr, val}, v = 0;
  siginfo_t info;
  if (kind == 'x') ptrace(PTRACE_PEEKTEXT, proc[p].pid, (void *) addr, 0);
  int sig = run(p, kind == 'x', kind == 'r' ? 0x34 : kind == 'w' ? 0x38 : addr, 0, arg, &v, &info);
  printf("%d p%d %s addr=0x%lx", ++calls_made, p, kind == 'r' ? "read" : kind == 'w' ? "write" : "exec", addr);
  if (kind == 'w') printf(" val=0x%x", val);
  if (!sig) {
    if (kind == 'r') printf(" = ok val=0x%x\n", (unsigned) (v & 255)); else puts(" = ok");
  } else if (sig == SIGSEGV)
    printf(" = SIGSEGV %s addr=0x%lx\n", info.si_code == SEGV_MAPERR ? "MAPERR" : info.si_code == SEGV_ACCERR ? "ACCERR" : "KERNEL",
           info.si_code > 0x7f ? 0 : (u64) info.si_addr);
  else if (sig == SIGBUS) printf(" = SIGBUS ADRERR addr=0x%lx\n", (u64) info.si_addr);
  else { fprintf(stderr, "signal %d after call %d\n", sig, calls_made); exit(3); }
  after(p, 0);
}

/* d: 0 for a plain descriptor, a number of D, or 100 and a number of M. */
static u64 real_fd(int d, u64 fd) { return d >= 100 ? d - 100 + 40 : d ? 10 + d : fd; }

static void print_fd(int d, u64 fd) {
  if (d >= 100) printf("M%d", d - 100); else if (d) printf("D%d", d); else printf("%d", (int) fd);
}

void do_mmap(int p, u64 addr, u64 len, u64 prot, u64 flags, int d, int fd, u64 off) {
  if (is32) off &= 0xffffffff000; /* mmap2 takes pages, 32 bits of them */
  u64 v = raw_call(p, 9, 192, addr, len, prot, flags, real_fd(d, fd), is32 ? off / P : off);
  printf("%d p%d mmap addr=0x%lx len=0x%lx prot=0x%lx flags=0x%lx fd=", ++calls_made, p, word(addr), word(len), prot, flags);
  print_fd(d, fd);
  printf(" off=0x%lx ", off);
  print_result(v, 1);
  after(p, v);
}

void do_mremap(int p, u64 addr, u64 old, u64 new, u64 flags, u64 to) {
  u64 v = raw_call(p, 25, 163, addr, old, new, flags, to, 0);
  printf("%d p%d mremap addr=0x%lx old=0x%lx new=0x%lx flags=0x%lx newaddr=0x%lx ", ++calls_made, p,
         word(addr), word(old), word(new), flags, word(to));
  print_result(v, 1);
  after(p, v);
}

void do_brk(int p, u64 addr) {
  u64 v = raw_call(p, 12, 45, addr, 0, 0, 0, 0, 0);
  if (p == 0) brk_now = word(v);
  printf("%d p%d brk addr=0x%lx = 0x%lx\n", ++calls_made, p, word(addr), word(v));
  after(p, v);
}

static const struct { const char *name; int nr64, nr32; const char *third; } ranges[] = {
  {"munmap", 11, 91, 0}, {"mprotect", 10, 125, "prot"}, {"madvise", 28, 219, "advice"},
  {"mlock", 149, 150, 0}, {"munlock", 150, 151, 0}, {"mlock2", 325, 376, "flags"},
  {"msync", 26, 144, "flags"}, {"mseal", 462, 462, "flags"}};

void do_range(int p, const char *name, u64 addr, u64 len, u64 third) {
  for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    if (strcmp(ranges[i].name, name)) continue;
    u64 v = raw_call(p, ranges[i].nr64, ranges[i].nr32, addr, len, third, 0, 0, 0);
    printf("%d p%d %s addr=0x%lx len=0x%lx ", ++calls_made, p, name, word(addr), word(len));
    if (ranges[i].third)
      printf(!strcmp(name, "madvise") ? "%s=%ld " : "%s=0x%lx ", ranges[i].third, (long) third);
    print_result(v, 0);
    if (!strcmp(name, "madvise") && third == 3) usleep(30000); /* until it is read */
    after(p, v);
    return;
  }
  fprintf(stderr, "unknown call %s\n", name);
  exit(2);
}

void do_mincore(int p, u64 addr, u64 len) {
  static unsigned char vec[4 * P];
  u64 v = raw_call(p, 27, 218, addr, len, data_page, 0, 0, 0);
  printf("%d p%d mincore addr=0x%lx len=0x%lx vec=0x%lx ", ++calls_made, p, word(addr), word(len), data_page);
  if (!failed(v)) {
    char path[64];
    sprintf(path, "/proc/%d/mem", proc[p].pid);
    int fd = open(path, O_RDONLY);
    u64 n = (word(len) + P - 1) / P;
    if (pread(fd, vec, n, data_page) != (ssize_t) n) die("mem");
    close(fd);
    for (u64 i = 0, j; i < n; i = j) {
      for (j = i; j < n && vec[j] == vec[i]; j++) {}
      printf("%s%dx%lu", i ? "," : "bits=", vec[i], j - i);
    }
    if (n) printf(" ");
  }
  print_result(v, 0);
  after(p, v);
}

void do_mlockall(int p, u64 flags) {
  u64 v = raw_call(p, 151, 152, flags, 0, 0, 0, 0, 0);
  printf("%d p%d mlockall flags=0x%lx ", ++calls_made, p, flags);
  print_result(v, 0);
  after(p, v);
}

void do_munlockall(int p) {
  u64 v = raw_call(p, 152, 153, 0, 0, 0, 0, 0, 0);
  printf("%d p%d munlockall ", ++calls_made, p);
  print_result(v, 0);
  after(p, v);
}

void do_setrlimit(int p, int which, u64 cur) {
  static const char *names_[] = {"AS", "DATA", "STACK", "MEMLOCK"};
  static const int numbers[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK};
  u64 inf = is32 ? 0xffffffff : ~0ull, max = which == 3 ? 8388608 : inf;
  u64 rl[2] = {cur, max}, where = data_page + 0x3f00;
  uint32_t rl32[2] = {cur, max};
  char path[64];
  sprintf(path, "/proc/%d/mem", proc[p].pid);
  int fd = open(path, O_RDWR);
  if (is32 ? pwrite(fd, rl32, 8, where) != 8 : pwrite(fd, rl, 16, where) != 16) die("mem");
  close(fd);
  u64 v = raw_call(p, 160, 75, numbers[which], where, 0, 0, 0, 0);
  printf("%d p%d setrlimit res=%s cur=", ++calls_made, p, names_[which]);
  if (cur == inf) printf("inf "); else printf("%lu ", cur);
  print_result(v, 0);
  after(p, v);
}

/* Calls that are no calls on ranges alone. An fd is that of D or M of that number, or a plain one. */
static const struct { const char *name; int nr; const char *keys; } syscalls[] = {
  {"sys_read", 0, "fd buf count"}, {"sys_write", 1, "fd buf count"}, {"pread64", 17, "fd buf count pos"},
  {"pwrite64", 18, "fd buf count pos"}, {"lseek", 8, "fd off whence"}, {"ftruncate", 77, "fd len"},
  {"fallocate", 285, "fd mode off len"}, {"fsync", 74, "fd"}, {"fdatasync", 75, "fd"}, {"fcntl", 72, "fd cmd arg"},
  {"shmget", 29, "key size flags"}, {"shmat", 30, "id addr flags"}, {"shmdt", 67, "addr"}, {"shmctl", 31, "id cmd buf"},
  {"remap_file_pages", 216, "addr len prot pgoff flags"}, {"pkey_mprotect", 329, "addr len prot pkey"},
  {"pkey_alloc", 330, "flags rights"}, {"pkey_free", 331, "pkey"},
  {"setuid", 105, "uid"}, {"setgid", 106, "gid"}, {"prctl", 157, "option arg2 arg3 arg4 arg5"},
  {"fadvise64", 221, "fd off len advice"}, {"readahead", 187, "fd off count"},
  {"mbind", 237, "addr len mode nodes maxnode flags"}, {"set_mempolicy", 238, "mode nodes maxnode"},
  {"get_mempolicy", 239, "policy mask maxnode addr flags"}, {"set_mempolicy_home_node", 450, "addr len node flags"},
  {"migrate_pages", 256, "maxnode from to"}, {"move_pages", 279, "addr node flags"},
  {"process_madvise", 440, "self addr len advice flags"}};

int segments_, memfds_;
static int segment[1 << 12]; /* identifiers, in the order in which they were given */

const char *sys_keys(const char *name) {
  for (unsigned i = 0; i < sizeof syscalls / sizeof *syscalls; i++)
    if (!strcmp(syscalls[i].name, name)) return syscalls[i].keys;
  return 0;
}

static void poke(int p, u64 addr, const void *bytes, size_t n) {
  char path[64];
  sprintf(path, "/proc/%d/mem", proc[p].pid);
  int fd = open(path, O_RDWR);
  if (pwrite(fd, bytes, n, addr) != (ssize_t) n) die("mem");
  close(fd);
}

static int is_decimal(const char *key) {
  static const char *keys[] = {"id", "cmd", "whence", "self", "advice", "pkey"};
  for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) if (!strcmp(keys[i], key)) return 1;
  return 0;
}

/* Masks of nodes stand in the line by value; the kernel gets the address of one, 0 for none. */
static void masks(int p, const char *name, u64 *arg) {
  u64 at = data_page + 0x3e00;
  if (!strcmp(name, "migrate_pages")) {
    u64 both[2] = {arg[1], arg[2]}, words[4] = {0, arg[0], at, at + 8};
    poke(p, at, both, sizeof both);
    memcpy(arg, words, sizeof words);
    return;
  }
  int place = !strcmp(name, "mbind") ? 3 : !strcmp(name, "set_mempolicy") ? 1 : -1;
  if (place < 0) return;
  poke(p, at, &arg[place], 8);
  arg[place] = arg[place] ? at : 0;
}

/* One page; its status is the answer unless the call itself fails. */
static u64 move_page(int p, u64 addr, u64 node, u64 flags) {
  u64 at = data_page + 0x3e00;
  struct { u64 page; int node, status; } one = {addr, (int) node, 0};
  poke(p, at, &one, sizeof one);
  u64 v = raw_call(p, 279, 279, 0, 1, at, (int) node == -1 ? 0 : at + 8, at + 12, flags);
  if (failed(v)) return v;
  char path[64];
  sprintf(path, "/proc/%d/mem", proc[p].pid);
  int fd = open(path, O_RDONLY);
  if (pread(fd, &one, sizeof one, at) != sizeof one) die("mem");
  close(fd);
  return (u64) (int64_t) one.status;
}

int do_sys(int p, const char *name, int d, const u64 *given) {
  unsigned i;
  for (i = 0; i < sizeof syscalls / sizeof *syscalls && strcmp(syscalls[i].name, name); i++) {}
  if (i == sizeof syscalls / sizeof *syscalls) { fprintf(stderr, "unknown call %s\n", name); exit(2); }
  if (is32) { fprintf(stderr, "%s: the 32-bit victim does not make this call\n", name); exit(2); }
  u64 arg[6] = {0}, v;
  char keys[64];
  int n = 0;
  strcpy(keys, syscalls[i].keys);
  for (char *k = strtok(keys, " "); k; k = strtok(0, " "), n++) {
    arg[n] = given[n];
    if (!strcmp(k, "fd")) arg[n] = real_fd(d, given[n]);
    if (!strcmp(k, "id")) arg[n] = given[n] < (u64) segments_ ? segment[given[n]] : given[n] | 0x40000000;
  }
  if (!strcmp(name, "process_madvise")) {
    u64 iov[2] = {given[1], given[2]}, at = data_page + 0x3e00;
    poke(p, at, iov, sizeof iov);
    u64 fd = raw_call(p, 434, 434, proc[p].pid, 0, 0, 0, 0, 0);
    v = raw_call(p, 440, 440, fd, at, 1, given[3], given[4], 0);
    raw_call(p, 3, 6, fd, 0, 0, 0, 0, 0);
  } else if (!strcmp(name, "move_pages"))
    v = move_page(p, given[0], given[1], given[2]);
  else {
    masks(p, name, arg);
    v = raw_call(p, syscalls[i].nr, syscalls[i].nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
  }
  printf("%d p%d %s", ++calls_made, p, name);
  strcpy(keys, syscalls[i].keys);
  n = 0;
  for (char *k = strtok(keys, " "); k; k = strtok(0, " "), n++) {
    printf(" %s=", k);
    if (!strcmp(k, "fd")) print_fd(d, given[n]);
    else if (is_decimal(k)) printf("%ld", (long) given[n]);
    else printf("0x%lx", given[n]);
  }
  printf(" ");
  if (!strcmp(name, "shmget") && !failed(v)) {
    int s;
    for (s = 0; s < segments_ && segment[s] != (int) v; s++) {}
    if (s == segments_) segment[segments_++] = v;
    v = s;
  }
  print_result(v, !strcmp(name, "shmat"));
  if (!strcmp(name, "setuid") && !failed(v)) proc[p].changed = 1;
  if (!strcmp(name, "readahead") || (!strcmp(name, "fadvise64") && given[3] == 3)) usleep(30000); /* until it is read */
  after(p, v);
  return !failed(v);
}

/* A file without a name; its descriptor is moved to where nothing else is. */
void do_memfd(int p, u64 flags) {
  static int refused;
  char name[16];
  u64 at = data_page + 0x3e40;
  sprintf(name, "M%d", memfds_ + 1);
  poke(p, at, name, strlen(name) + 1);
  u64 v = raw_call(p, 319, 356, at, flags, 0, 0, 0, 0);
  if (failed(v)) sprintf(name, "M%d", 900000 + ++refused); /* each name once, whether it was made or not */
  printf("%d p%d memfd_create open=%s flags=0x%lx ", ++calls_made, p, name, flags);
  if (!failed(v)) {
    memfds_++;
    raw_call(p, 33, 63, v, 40 + memfds_, 0, 0, 0, 0);
    raw_call(p, 3, 6, v, 0, 0, 0, 0, 0);
    v = 0;
  }
  print_result(v, 0);
  after(p, v);
}

/* The victim scans its own pagemap. Its request lies at an address, which is not written if it is no place for it. */
void do_scan(int p, u64 at, struct scan_arg request) {
  u64 name = data_page + 0x3e40;
  if (at >= data_page && at < data_page + 4 * P) poke(p, at, &request, sizeof request);
  poke(p, name, "/proc/self/pagemap", 19);
  u64 fd = raw_call(p, 2, 5, name, 0, 0, 0, 0, 0);
  u64 v = raw_call(p, 16, 54, fd, SCAN, at, 0, 0, 0);
  raw_call(p, 3, 6, fd, 0, 0, 0, 0, 0);
  printf("%d p%d pagemap_scan arg=0x%lx size=0x%lx flags=0x%lx start=0x%lx end=0x%lx vec=0x%lx vec_len=0x%lx max_pages=0x%lx inverted=0x%lx mask=0x%lx anyof=0x%lx return=0x%lx ",
         ++calls_made, p, at, request.size, request.flags, request.start, request.end, request.vec, request.vec_len,
         request.max_pages, request.inverted, request.mask, request.anyof_mask, request.return_mask);
  if (!failed(v)) {
    char path[64];
    static struct region got[1 << 16];
    sprintf(path, "/proc/%d/mem", proc[p].pid);
    int mem = open(path, O_RDONLY);
    if (pread(mem, &request, sizeof request, at) != sizeof request) die("mem");
    if (v && pread(mem, got, v * sizeof *got, request.vec) != (ssize_t) (v * sizeof *got)) die("mem");
    close(mem);
    printf("found=0x%lx", request.walk_end);
    for (u64 i = 0; i < v; i++) printf(":%lx-%lx:%lx", got[i].start, got[i].end, got[i].categories);
    printf(" ");
  }
  print_result(v, 0);
  after(p, v);
}

static int pool_file(u64 size, const char *name, const char *text) {
  char path[128], got[32] = "";
  sprintf(path, "/sys/kernel/mm/hugepages/hugepages-%lukB/%s", size >> 10, name);
  int fd = open(path, text ? O_RDWR : O_RDONLY);
  if (fd < 0) return -1;
  if (text && write(fd, text, strlen(text)) < 0) { close(fd); return -1; }
  if (pread(fd, got, sizeof got - 1, 0) < 0) die(path);
  close(fd);
  return atoi(got);
}

/* Writes nr_hugepages of a size; the line says how many the kernel then had. */
void do_hugepages(int p, u64 size, int pages) {
  char text[16];
  sprintf(text, "%d", pages);
  if (pool_file(size, "nr_hugepages", text) < 0) return;
  int all = pool_file(size, "nr_hugepages", 0), surplus = pool_file(size, "surplus_hugepages", 0);
  int now = all - surplus < pages ? all - surplus : pages;
  printf("%d p%d hugepages size=0x%lx value=%d = 0\n", ++calls_made, p, size, now);
  after(p, 0);
}

/* The same of pages beyond the pool, of the default size. */
void do_overcommit_pool(int p, int pages) {
  char text[16];
  sprintf(text, "%d", pages);
  if (pool_file(0x200000, "nr_overcommit_hugepages", text) < 0) return;
  printf("%d p%d sysctl name=nr_overcommit_hugepages value=%d = 0\n", ++calls_made, p, pages);
  after(p, 0);
}

/* Writes a limit of System V segments, which the recorder has for itself. */
void do_segment_limit(int p, const char *name, u64 value) {
  char path[64], text[32];
  sprintf(path, "/proc/sys/kernel/%s", name);
  sprintf(text, "%lu", value);
  int fd = own_segments ? open(path, O_WRONLY) : -1;
  if (fd < 0) return;
  u64 v = write(fd, text, strlen(text)) < 0 ? (u64) -errno : 0;
  close(fd);
  printf("%d p%d sysctl name=%s value=%lu ", ++calls_made, p, name, value);
  print_result(v, 0);
  after(p, v);
}

/* Reads a number of a pool: 0 all, 1 free, 2 promised, 3 surplus. */
void do_pool(int p, u64 size, int which) {
  static const char *files[] = {"nr_hugepages", "free_hugepages", "resv_hugepages", "surplus_hugepages"};
  int v = pool_file(size, files[which], 0);
  if (v < 0) return;
  printf("%d p%d pool size=0x%lx value=%d = %d\n", ++calls_made, p, size, which, v);
  after(p, 0);
}

/* False if a page is in use. */
int empty_pools(void) {
  pool_file(0x200000, "nr_overcommit_hugepages", "0");
  int small = pool_file(0x200000, "nr_hugepages", "0"), large = pool_file(0x40000000, "nr_hugepages", "0");
  return small <= 0 && large <= 0;
}

void do_clear_refs(int p, int value) {
  char path[64], text[16];
  sprintf(path, "/proc/%d/clear_refs", proc[p].pid);
  int fd = open(path, O_WRONLY), n = sprintf(text, "%d", value);
  u64 v = write(fd, text, n) == n ? 0 : -errno;
  close(fd);
  printf("%d p%d clear_refs value=%d ", ++calls_made, p, value);
  print_result(v, 0);
  after(p, v);
}

/* Where the victim's things lie now. */
void now_mm_map(int p, struct mm_map *map) {
  static const int places[] = {26, 27, 45, 46, 47, 0, 28, 48, 49, 50, 51};
  char path[64];
  sprintf(path, "/proc/%d/stat", proc[p].pid);
  char *s = slurp(path), *at = strrchr(s, ')') + 2;
  u64 value[60] = {0};
  for (int i = 3; at && i < 60; i++) {
    value[i] = strtoull(at, 0, 10);
    at = strchr(at, ' ');
    if (at) at++;
  }
  free(s);
  memset(map, 0, sizeof *map);
  for (int i = 0; i < 11; i++) map->field[i] = value[places[i]];
  map->field[5] = word(raw_call(p, 12, 45, 0, 0, 0, 0, 0, 0));
  map->exe_fd = -1;
}

/* d: the open behind exe_fd, 0 for none. */
int do_set_mm_map(int p, u64 at, u64 size, struct mm_map map, int d) {
  static const char *names_[] = {"start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack",
    "arg_start", "arg_end", "env_start", "env_end"};
  uint32_t fd = map.exe_fd;
  map.exe_fd = real_fd(d, fd);
  if (at >= data_page && at < data_page + 4 * P) poke(p, at, &map, sizeof map);
  u64 v = raw_call(p, 157, 172, 35, 14, at, size, 0, 0);
  printf("%d p%d set_mm_map addr=0x%lx size=0x%lx", ++calls_made, p, at, size);
  for (int i = 0; i < 11; i++) printf(" %s=0x%lx", names_[i], map.field[i]);
  printf(" auxv=0x%lx auxv_size=0x%x fd=", map.auxv, map.auxv_size);
  print_fd(d, fd);
  printf(" ");
  print_result(v, 0);
  if (!failed(v) && p == 0) brk_now = map.field[5];
  after(p, v);
  return !failed(v);
}

static const char *path_of(int d) {
  static const char *paths[] = {0, "F1", "F1", "F2", "F3", "/dev/shm/F4", "F5", "F1"};
  return d < 8 ? paths[d] : 0;
}

void do_unlink(int p, int d) {
  if (!path_of(d) || access(path_of(d), F_OK)) return;
  unlink(path_of(d));
  for (int i = 0; i < nproc_; i++) { /* the maps of all change with the name */
    if (i == p || !proc[i].pid) continue;
    free(proc[i].maps);
    proc[i].maps = read_maps(proc[i].pid);
  }
  printf("%d p%d unlink fd=D%d = 0\n", ++calls_made, p, d);
  after(p, 0);
}

void do_truncate(int p, int d, u64 len) {
  if (!path_of(d) || access(path_of(d), F_OK)) return;
  u64 v = truncate(path_of(d), len) ? -errno : 0;
  printf("%d p%d truncate fd=D%d len=0x%lx ", ++calls_made, p, d, len);
  print_result(v, 0);
  after(p, v);
}

void remove_segments(void) {
  for (int i = 0; i < segments_; i++) shmctl(segment[i], IPC_RMID, 0);
}

int do_fork(int p) {
  u64 v = raw_call(p, 57, 2, 0, 0, 0, 0, 0, 0);
  if (failed(v)) {
    printf("%d p%d fork ", ++calls_made, p);
    print_result(v, 0);
    after(p, v);
    return -1;
  }
  pid_t pid = (pid_t) v;
  int status, n = nproc_;
  if (waitpid(pid, &status, __WALL) < 0) die("wait child"); /* stays there until its first call */
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
  proc[n].pid = pid;
  proc[n].maps = read_maps(pid);
  proc[n].changed = proc[p].changed;
  nproc_++;
  printf("%d p%d fork = p%d\n", ++calls_made, p, n);
  print_maps(n, "forked");
  after(p, 0);
  return n;
}

void do_exit(int p) {
  int status;
  print_state(p, "exit");
  kill(proc[p].pid, SIGKILL);
  waitpid(proc[p].pid, &status, __WALL);
  proc[p].pid = 0;
  printf("%d p%d exit = 0\n", ++calls_made, p);
}

int living(void) {
  int n = 0;
  for (int i = 0; i < nproc_; i++) n += proc[i].pid != 0;
  return n;
}
