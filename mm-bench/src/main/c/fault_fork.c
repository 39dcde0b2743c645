// SPDX-License-Identifier: Apache-2.0
//
// The peer of FaultBenchmark: first writes to pages, reads of a cached file and fork, as this machine does
// them, in a process with 1,000 VMAs of ten pages each, a page apart.
//
//   gcc -O2 -o fault_fork fault_fork.c && ./fault_fork    prints CPU nanoseconds per page, median of 7

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VMAS 1000
#define PAGES 10
#define PAGE 4096L
#define ROUNDS 7
#define TIMES 20

static char *vmas[VMAS];

static double cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

// What children have used that were waited for.
static double children_ns(void) {
  struct rusage r;
  getrusage(RUSAGE_CHILDREN, &r);
  return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e9 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e3;
}

static int by_value(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return d < 0 ? -1 : d > 0;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void anonymous(void) {
  for (int i = 0; i < VMAS; i++) {
    if (madvise(vmas[i], PAGES * PAGE, MADV_DONTNEED)) fail("madvise");
  }
  for (int k = 0; k < PAGES; k++) {
    for (int i = 0; i < VMAS; i++) {
      *(volatile char *)(vmas[i * 7 % VMAS] + k * PAGE) = 1;
    }
  }
}

static char *file;

static void file_reads(void) {
  for (int i = 0; i < VMAS; i++) {
    (void)*(volatile char *)(file + i * 16 * PAGE);
  }
  if (madvise(file, VMAS * 16 * PAGE, MADV_DONTNEED)) fail("madvise");
}

static void fork_one(int writes) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    for (int k = 0; writes && k < PAGES; k++) {
      for (int i = 0; i < VMAS; i++) {
        *(volatile char *)(vmas[i * 7 % VMAS] + k * PAGE) = 2;
      }
    }
    _exit(0);
  }
  if (waitpid(pid, NULL, 0) != pid) fail("waitpid");
}

static void measure(const char *name, int what, double pages) {
  double ns[ROUNDS];
  for (int round = -1; round < ROUNDS; round++) {
    double start = cpu_ns() + children_ns();
    for (int i = 0; i < TIMES; i++) {
      if (what == 0) {
        anonymous();
      } else if (what == 1) {
        file_reads();
      } else {
        fork_one(what == 3);
      }
    }
    if (round >= 0) {
      ns[round] = (cpu_ns() + children_ns() - start) / (TIMES * pages);
    }
  }
  qsort(ns, ROUNDS, sizeof ns[0], by_value);
  printf("%-24s%10.1f ns\n", name, ns[ROUNDS / 2]);
  fflush(stdout);
}

int main(void) {
  long span = (PAGES + 1) * PAGE * VMAS;
  char *base = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED || munmap(base, span)) fail("mmap");
  for (int i = 0; i < VMAS; i++) {
    vmas[i] = mmap(base + (PAGES + 1) * PAGE * i, PAGES * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (vmas[i] == MAP_FAILED) fail("mmap");
    for (int k = 0; k < PAGES; k++) {
      vmas[i][k * PAGE] = 1;
    }
  }
  char name[] = "/tmp/fault_fork_XXXXXX";
  int fd = mkstemp(name);
  if (fd < 0 || unlink(name)) fail("mkstemp");
  static char block[PAGE * 16];
  for (int i = 0; i < VMAS; i++) {
    if (write(fd, block, sizeof block) != sizeof block) fail("write");
  }
  file = mmap(NULL, VMAS * 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (file == MAP_FAILED) fail("mmap");
  measure("anonymous", 0, VMAS * PAGES);
  measure("fileReads", 1, VMAS);
  measure("fork", 2, VMAS * PAGES);
  measure("forkAndWrite", 3, VMAS * PAGES);
  return 0;
}
