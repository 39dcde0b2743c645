// SPDX-License-Identifier: Apache-2.0
//
// The peer of MmapPairBenchmark: mmap and munmap as system calls of this machine, among 1,000 VMAs of
// a page each, alternating in protection, three pages apart.
//
//   gcc -O2 -o mmap_pair mmap_pair.c && ./mmap_pair    prints CPU nanoseconds per pair, median of 7

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define VMAS 1000
#define PAGE 4096L
#define HOLES 4096
#define PAIRS 40000
#define ROUNDS 7

static char *holes[HOLES];

static double cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return d < 0 ? -1 : d > 0;
}

static void pair(char *hint, long bytes) {
  char *at = mmap(hint, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED || (hint && at != hint) || munmap(at, bytes)) {
    perror("pair");
    exit(1);
  }
}

static void measure(const char *name, int what) {
  double ns[ROUNDS];
  for (int round = -1; round < ROUNDS; round++) {
    double start = cpu_ns();
    for (int i = 0; i < PAIRS; i++) {
      if (what == 0) {
        pair(holes[i % HOLES], PAGE);
      } else if (what == 1) {
        pair(NULL, 4 * PAGE);
      } else {
        syscall(SYS_getppid);
      }
    }
    if (round >= 0) {
      ns[round] = (cpu_ns() - start) / PAIRS;
    }
  }
  qsort(ns, ROUNDS, sizeof ns[0], by_value);
  printf("%-24s%10.1f ns\n", name, ns[ROUNDS / 2]);
}

int main(void) {
  long span = 3 * PAGE * VMAS;
  char *base = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED || munmap(base, span)) {
    perror("mmap");
    return 1;
  }
  for (int i = 0; i < VMAS; i++) {
    if (mmap(base + 3 * PAGE * i, PAGE, i & 1 ? PROT_READ : PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
      perror("mmap");
      return 1;
    }
  }
  uint64_t seed = 42;
  for (int i = 0; i < HOLES; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    holes[i] = base + 3 * PAGE * (long)((seed >> 33) % (VMAS - 1)) + PAGE;
  }
  measure("hole", 0);
  measure("top", 1);
  measure("getppid", 2);
  return 0;
}
