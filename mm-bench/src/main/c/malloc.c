// SPDX-License-Identifier: Apache-2.0
//
// The peer of the slab benchmarks: pairs of malloc and free, the random mix of 10000 live objects, and
// remote free through a ring of 4096, of whatever library is preloaded.
//
//   gcc -O2 -pthread -fno-builtin -o malloc malloc.c && LD_PRELOAD=libmimalloc.so.2 ./malloc
//
// prints CPU nanoseconds per free + allocate, and for remote free those of the thread that allocates, which waits
// for the other one by spinning; the median of 7.

#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LIVE 10000
#define SCRIPT (1 << 15)
#define RING 4096
#define ROUNDS 7

static int places[SCRIPT], sizes[SCRIPT];
static _Atomic(void *) ring[RING];

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print(const char *name, double *ns) {
  qsort(ns, ROUNDS, sizeof(double), by_value);
  printf("%-24s%.2f ns\n", name, ns[ROUNDS / 2]);
}

static double pairs(int bytes) {
  const int count = 1000000;
  double start = now(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < count; i++) {
    void *volatile p = malloc(bytes);
    free(p);
  }
  return (now(CLOCK_THREAD_CPUTIME_ID) - start) / count;
}

static double mix(void **live) {
  const int count = 1000000;
  double start = now(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < count; i++) {
    int at = i & (SCRIPT - 1);
    free(live[places[at]]);
    live[places[at]] = malloc(sizes[at]);
  }
  return (now(CLOCK_THREAD_CPUTIME_ID) - start) / count;
}

static void *freer(void *unused) {
  const int count = 200 * RING;
  for (int i = 0; i < count; i++) {
    void *p;
    while ((p = atomic_load_explicit(&ring[i & (RING - 1)], memory_order_acquire)) == NULL) {
      __builtin_ia32_pause();
    }
    atomic_store_explicit(&ring[i & (RING - 1)], NULL, memory_order_release);
    free(p);
  }
  return unused;
}

static double remote_free(void) {
  const int count = 200 * RING;
  pthread_t thread;
  pthread_create(&thread, NULL, freer, NULL);
  double start = now(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < count; i++) {
    while (atomic_load_explicit(&ring[i & (RING - 1)], memory_order_acquire) != NULL) {
      __builtin_ia32_pause();
    }
    atomic_store_explicit(&ring[i & (RING - 1)], malloc(64), memory_order_release);
  }
  double ns = (now(CLOCK_THREAD_CPUTIME_ID) - start) / count;
  pthread_join(thread, NULL);
  return ns;
}

int main(void) {
  static void *live[LIVE];
  double ns[ROUNDS];
  const int pair_sizes[] = {64, 256, 1024, 4096, 65536};
  srand48(1);
  for (int i = 0; i < SCRIPT; i++) {
    places[i] = lrand48() % LIVE;
    sizes[i] = (int)(16 * pow(512, drand48()));
  }
  for (int i = 0; i < LIVE; i++) {
    live[i] = malloc((int)(16 * pow(512, drand48())));
  }
  for (int s = 0; s < 5; s++) {
    char name[32];
    snprintf(name, sizeof(name), "pair %d", pair_sizes[s]);
    for (int r = 0; r < ROUNDS; r++) {
      ns[r] = pairs(pair_sizes[s]);
    }
    print(name, ns);
  }
  for (int r = 0; r < ROUNDS; r++) {
    ns[r] = mix(live);
  }
  print("mix", ns);
  for (int r = 0; r < ROUNDS; r++) {
    ns[r] = remote_free();
  }
  print("remote", ns);
  return 0;
}
