// SPDX-License-Identifier: Apache-2.0
/*
 * Records what the running kernel answers to memory calls, in the format of the vma corpus
 * (VMACORPUS 1). The victim is traced; each call or touch is made by setting its registers, and its
 * maps are read after each.
 *
 *   record SEED CALLS MIX [OPTIONS] > FILE.vma
 *     MIX       basic, remap, files, faults, fork, limits, setrlimit, stress, thp (for recordings
 *               under transparent_hugepage=always), io, ipc, calls, huge (pools of huge pages of
 *               2 MiB and 1 GiB, which it empties at its end), advice (files that are dropped and
 *               moved), policy (memory policies, limits of segments), reclaim (MADV_PAGEOUT and
 *               MADV_COLLAPSE), any (calls of all kinds but about the pools), all; or script: the
 *               calls that standard input lists, as script.c says
 *     -3, -4    the 32-bit victim with 3 GiB or 4 GiB of user space: mixes basic to thp, and all
 *     -x        with -3 or -4: as if the program had no PT_GNU_STACK (READ_IMPLIES_EXEC)
 *     -b        a victim with two pages of bss
 *     -c        bottom-up layout
 *     -r        as root, with all capabilities but CAP_SYS_RESOURCE; else uid 65534 with none
 *     -s -d -a -m BYTES|inf   RLIMIT_STACK, DATA, AS, MEMLOCK
 *     -e N      a state block of every process after every N calls
 *
 * Run as root, in the folder of the victims; files are made there and in /dev/shm. The kernel's
 * transparent_hugepage/enabled and vm.overcommit_memory are recorded as they are.
 */
#include "recorder.h"
#include <sched.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void die(const char *what) {
  perror(what);
  exit(1);
}

static int compat, root, bss;
static u64 limit[4] = {~0ull, ~0ull, 8388608, 8388608}; /* AS DATA STACK MEMLOCK */

static u64 stat_field(pid_t pid, int n) {
  char path[64];
  sprintf(path, "/proc/%d/stat", pid);
  char *s = slurp(path), *p = strrchr(s, ')') + 2;
  for (int i = 3; i < n; i++) p = strchr(p, ' ') + 1;
  return strtoull(p, 0, 10);
}

static void make_files(void) {
  static const struct { const char *path; off_t size; } files[] = {
    {"F1", 65536}, {"F2", 10000}, {"F3", 3145728}, {"/dev/shm/F4", 40960}, {"F5", 0}};
  for (int i = 0; i < 5; i++) {
    unlink(files[i].path);
    int fd = open(files[i].path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) die(files[i].path);
    char *all = malloc(files[i].size + 1);
    for (off_t k = 0; k < files[i].size; k++) all[k] = (k / P + 7 * (i + 1) + 1) & 255;
    if (files[i].size && write(fd, all, files[i].size) != files[i].size) die("write");
    free(all);
    fchmod(fd, 0666);
    fsync(fd); /* dirty folios cannot be split: let none be so by chance */
    close(fd);
  }
}

static void become_victim(void) {
  static const struct { const char *path; int mode; } ds[] = {{"F1", O_RDWR}, {"F1", O_RDONLY}, {"F2", O_RDONLY},
    {"F3", O_RDWR}, {"/dev/shm/F4", O_RDWR}, {"F5", O_RDWR}, {"F1", O_WRONLY}, {"/dev/zero", O_RDWR}};
  for (int i = 0; i < 8; i++) {
    int fd = open(ds[i].path, ds[i].mode);
    if (fd < 0) die(ds[i].path);
    if (fd == 11 + i) continue;
    dup2(fd, 11 + i);
    close(fd);
  }
  static const int numbers[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK};
  for (int i = 0; i < 4; i++) {
    struct rlimit rl = {limit[i], i == 3 ? 8388608 : RLIM_INFINITY};
    setrlimit(numbers[i], &rl);
  }
  for (int fd = 0; fd < 3; fd++) close(fd);
  personality(ADDR_NO_RANDOMIZE | (compat ? ADDR_COMPAT_LAYOUT : 0) | (task_size == 0xc0000000 ? ADDR_LIMIT_3GB : 0) |
              (read_implies_exec ? READ_IMPLIES_EXEC : 0));
  if (root) {
    if (prctl(PR_CAPBSET_DROP, 24 /* CAP_SYS_RESOURCE */, 0, 0, 0)) die("capbset");
  } else if (setgroups(0, 0) || setgid(65534) || setuid(65534)) die("setuid");
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  char *av[] = {"v", 0}, *ev[] = {0};
  execve(is32 ? (bss ? "./victim32b" : "./victim32") : (bss ? "./victim64b" : "./victim64"), av, ev);
  die("exec victim");
}

static const char *shown(u64 v) {
  static char text[4][24];
  static int i;
  char *t = text[i++ & 3];
  if (v == ~0ull) return "inf";
  sprintf(t, "%lu", v);
  return t;
}

static int setting(const char *path) {
  char *s = slurp(path);
  int v = atoi(s);
  free(s);
  return v;
}

static void header(u64 seed, const char *mix, pid_t pid) {
  char *vd = strstr(proc[0].maps, "[vdso]"), *vv = strstr(proc[0].maps, "[vvar]");
  while (vd > proc[0].maps && vd[-1] != '\n') vd--;
  while (vv > proc[0].maps && vv[-1] != '\n') vv--;
  u64 base = compat ? strtoull(vv, 0, 16) : strtoull(strchr(vd, '-') + 1, 0, 16);
  char *mi = slurp("/proc/meminfo");
  char *thp = slurp("/sys/kernel/mm/transparent_hugepage/enabled"), *th = strchr(thp, '[') + 1;
  *strchr(th, ']') = 0;
  char *rel = slurp("/proc/sys/kernel/osrelease");
  rel[strcspn(rel, "\n")] = 0;
  printf("VMACORPUS 1\nid %s-%lu\nclass %s\nscenario %s\nseed %lu\nkernel %s x86_64%s\n", mix, seed, is32 ? "ia32" : mix,
         is32 ? mix : "-", seed, rel, is32 ? " i386-compat" : "");
  printf("thp enabled=%s hugepage_size=2097152 shmem=never mthp=none khugepaged=idle\n", th);
  printf("sysctl overcommit_memory=%d overcommit_ratio=%d max_map_count=%d mmap_min_addr=%d lsm_mmap_min_addr=65536 legacy_va_layout=%d stack_guard_gap=256\n",
         setting("/proc/sys/vm/overcommit_memory"), setting("/proc/sys/vm/overcommit_ratio"), setting("/proc/sys/vm/max_map_count"),
         setting("/proc/sys/vm/mmap_min_addr"), setting("/proc/sys/vm/legacy_va_layout"));
  printf("memory total_kb=%lu swap_kb=%lu\n", strtoul(strstr(mi, "MemTotal:") + 9, 0, 10), strtoul(strstr(mi, "SwapTotal:") + 10, 0, 10));
  puts(root ? "cred uid=0 gid=0 caps=all-but-SYS_RESOURCE" : "cred uid=65534 gid=65534 caps=none");
  printf("personality ADDR_NO_RANDOMIZE%s%s%s\n", compat ? ",ADDR_COMPAT_LAYOUT" : "", task_size == 0xc0000000 ? ",ADDR_LIMIT_3GB" : "",
         read_implies_exec ? ",READ_IMPLIES_EXEC" : "");
  printf("rlimit AS=%s DATA=%s STACK=%s MEMLOCK=%s\n", shown(limit[0]), shown(limit[1]), shown(limit[2]), shown(limit[3]));
  brk_now = raw_call(0, 12, 45, 0, 0, 0, 0, 0, 0);
  printf("mm mmap_base=0x%lx topdown=%d task_size=0x%lx start_code=0x%lx end_code=0x%lx start_data=0x%lx end_data=0x%lx start_brk=0x%lx brk=0x%lx start_stack=0x%lx arg_start=0x%lx arg_end=0x%lx env_start=0x%lx env_end=0x%lx\n",
         base, !compat, task_size, stat_field(pid, 26), stat_field(pid, 27), stat_field(pid, 45), stat_field(pid, 46), stat_field(pid, 47),
         brk_now, stat_field(pid, 28), stat_field(pid, 48), stat_field(pid, 49), stat_field(pid, 50), stat_field(pid, 51));
  printf("option zero-page=%s read-ahead-kb=%d\n", maps_zero_page() ? "true" : "false", read_ahead_kb("F1"));
  puts("file F1 size=65536 fs=ext4\nfile F2 size=10000 fs=ext4\nfile F3 size=3145728 fs=ext4\nfile F4 size=40960 fs=tmpfs\nfile F5 size=0 fs=ext4\nfile ZERO size=0 fs=devzero");
  puts("open D1 F1 mode=rdwr\nopen D2 F1 mode=rdonly\nopen D3 F2 mode=rdonly\nopen D4 F3 mode=rdwr\nopen D5 F4 mode=rdwr\nopen D6 F5 mode=rdwr\nopen D7 F1 mode=wronly\nopen D8 ZERO mode=rdwr");
}

/* How many pages the machine has taken back or dropped since it booted. */
static u64 reclaimed(void) {
  static const char *keys[] = {"\npgsteal_kswapd ", "\npgsteal_direct ", "\npgsteal_khugepaged ", "\npgsteal_proactive ",
    "\ndrop_pagecache ", "\ndrop_slab ", "\npginvalidated "};
  char *s = slurp("/proc/vmstat");
  u64 sum = 0;
  for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
    char *at = strstr(s, keys[i]);
    if (at) sum += strtoull(at + strlen(keys[i]), 0, 10);
  }
  free(s);
  return sum;
}

static u64 number(const char *what, const char *text) {
  char *end;
  u64 value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || value > 1000000000) {
    fprintf(stderr, "%s '%s' is no number from 0 to 1000000000\n", what, text);
    exit(2);
  }
  return value;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: record SEED CALLS MIX [-3|-4] [-x] [-b] [-c] [-r] [-s|-d|-a|-m BYTES|inf] [-e N]\n");
    return 2;
  }
  u64 seed = number("SEED", argv[1]);
  u64 calls = number("CALLS", argv[2]);
  const char *mix = argv[3];
  task_size = 0x7ffffffff000;
  for (int i = 4; i < argc; i++) {
    const char *o = argv[i], *kinds = "adsm";
    if (!strcmp(o, "-3")) is32 = 1, task_size = 0xc0000000;
    else if (!strcmp(o, "-4")) is32 = 1, task_size = 0xffffe000;
    else if (!strcmp(o, "-x")) read_implies_exec = 1;
    else if (!strcmp(o, "-b")) bss = 1;
    else if (!strcmp(o, "-c")) compat = 1;
    else if (!strcmp(o, "-r")) root = 1;
    else if (!strcmp(o, "-e") && i + 1 < argc) state_every = number("-e", argv[++i]);
    else if (o[0] == '-' && o[1] && strchr(kinds, o[1]) && i + 1 < argc) {
      i++;
      limit[strchr(kinds, o[1]) - kinds] = !strcmp(argv[i], "inf") ? ~0ull : strtoull(argv[i], 0, 0);
    } else {
      fprintf(stderr, "unknown option %s\n", o);
      return 2;
    }
  }
  if (strcmp(mix, "script") && !mix_allowed(mix)) return 2;
  mix_seed(seed);
  code_base = is32 ? 0x8049000 : 0x401000;
  data_page = code_base + 0x2000;
  if (!strcmp(mix, "huge") && !empty_pools()) {
    fprintf(stderr, "somebody has huge pages of the pools: they are recorded while nobody has\n");
    return 4;
  }
  own_segments = unshare(CLONE_NEWIPC) == 0;
  u64 before = reclaimed();
  make_files();
  pid_t pid = fork();
  if (pid == 0) become_victim();
  int status;
  waitpid(pid, &status, 0);
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
  ptrace(PTRACE_CONT, pid, 0, 0);
  waitpid(pid, &status, 0);
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
    fprintf(stderr, "victim did not start: %x\n", status);
    return 3;
  }
  proc[0].pid = pid;
  proc[0].maps = read_maps(pid);
  nproc_ = 1;
  header(seed, mix, pid);
  print_state(0, "start");
  puts("calls");
  if (!strcmp(mix, "script")) script_run(); else mix_run(mix, calls);
  for (int p = 0; p < nproc_; p++) {
    if (!proc[p].pid) continue;
    print_maps(p, "final");
    print_state(p, "final");
  }
  printf("eof calls=%d\n", calls_made);
  for (int p = 0; p < nproc_; p++) {
    if (!proc[p].pid) continue;
    kill(proc[p].pid, SIGKILL);
    waitpid(proc[p].pid, &status, __WALL); /* what it holds of the pools is free then */
  }
  remove_segments();
  if (!strcmp(mix, "huge")) empty_pools();
  if (reclaimed() != before) {
    fprintf(stderr, "the machine took pages of files back meanwhile: record it again\n");
    return 4;
  }
  return 0;
}
