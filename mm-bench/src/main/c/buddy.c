// SPDX-License-Identifier: Apache-2.0
//
// The peer of the frame-allocator benchmarks: the algorithm of the plugin `buddy` in plain C - free
// lists by order and migratetype, doubly linked through int arrays, a byte of state for each frame, a
// mask of the orders that are not empty, and a compare-and-set lock around each call.
//
//   gcc -O2 -o buddy buddy.c && ./buddy        prints CPU nanoseconds per free + allocate, median of 7

#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAMES (1u << 20)
#define MAX_ORDER 10
#define TYPES 5
#define NIL 0xffffffffu
#define LIVE 10000

static uint32_t next_[FRAMES], prev_[FRAMES];
static uint8_t state[FRAMES];
static uint32_t heads[(MAX_ORDER + 1) << 3], tails[(MAX_ORDER + 1) << 3];
static uint64_t counts[(MAX_ORDER + 1) << 3];
static uint32_t orders[8];
static uint64_t free_pages;
static atomic_int lock_;

static void lock(void) {
  int expected = 0;
  while (!atomic_compare_exchange_strong_explicit(&lock_, &expected, 1, memory_order_acquire,
                                                  memory_order_relaxed)) {
    expected = 0;
  }
}

static void unlock(void) { atomic_store(&lock_, 0); }

static void list_push(uint32_t i, int order, int type) {
  int slot = order << 3 | type;
  uint32_t head = heads[slot];
  state[i] = (uint8_t)(type << 4 | (order + 1));
  prev_[i] = NIL;
  next_[i] = head;
  heads[slot] = i;
  if (head == NIL) {
    tails[slot] = i;
    orders[type] |= 1u << order;
  } else {
    prev_[head] = i;
  }
  counts[slot]++;
}

static void list_append(uint32_t i, int order, int type) {
  int slot = order << 3 | type;
  uint32_t tail = tails[slot];
  state[i] = (uint8_t)(type << 4 | (order + 1));
  prev_[i] = tail;
  next_[i] = NIL;
  tails[slot] = i;
  if (tail == NIL) {
    heads[slot] = i;
    orders[type] |= 1u << order;
  } else {
    next_[tail] = i;
  }
  counts[slot]++;
}

static void list_remove(uint32_t i, int order, int type) {
  int slot = order << 3 | type;
  uint32_t p = prev_[i], n = next_[i];
  if (p == NIL) heads[slot] = n; else next_[p] = n;
  if (n == NIL) tails[slot] = p; else prev_[n] = p;
  if (heads[slot] == NIL) orders[type] &= ~(1u << order);
  state[i] = 0;
  counts[slot]--;
}

static uint32_t take_block(int order, int type) {
  uint32_t mask = orders[type] >> order;
  if (!mask) return NIL;
  int from = order + __builtin_ctz(mask);
  uint32_t i = heads[from << 3 | type];
  list_remove(i, from, type);
  while (from > order) {
    from--;
    list_push(i + (1u << from), from, type);
  }
  free_pages -= 1ull << order;
  return i;
}

static void put_block(uint32_t i, int order, int type) {
  // The same look for a free block that holds the frame already.
  uint32_t floor = i & ~((1u << MAX_ORDER) - 1);
  for (uint32_t h = i;; h &= h - 1) {
    if (state[h]) {
      if (i - h < 1u << ((state[h] & 15) - 1)) abort();
      break;
    }
    if (h == floor) break;
  }
  free_pages += 1ull << order;
  while (order < MAX_ORDER) {
    uint32_t buddy = i ^ 1u << order;
    if ((state[buddy] & 15) != order + 1) break;
    list_remove(buddy, order, state[buddy] >> 4);
    i &= buddy;
    order++;
  }
  uint32_t above = (i & ~((2u << order) - 1)) ^ 2u << order;
  if (order < MAX_ORDER - 1 && (state[above] & 15) == order + 2) {
    list_append(i, order, type);
  } else {
    list_push(i, order, type);
  }
}

static uint32_t alloc(int order, int type) {
  lock();
  uint32_t i = take_block(order, type);
  unlock();
  return i;
}

static void give(uint32_t i, int order, int type) {
  lock();
  put_block(i, order, type);
  unlock();
}

static void reset(void) {
  memset(state, 0, sizeof state);
  memset(heads, 0xff, sizeof heads);
  memset(tails, 0xff, sizeof tails);
  memset(counts, 0, sizeof counts);
  memset(orders, 0, sizeof orders);
  for (uint32_t i = 0; i < FRAMES; i += 1u << MAX_ORDER) list_append(i, MAX_ORDER, 1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static int random_order(void) {
  return __builtin_ctzll(rnd() | 1u << MAX_ORDER);
}

static uint32_t live[LIVE];
static uint8_t live_order[LIVE];

static void fill(void) {
  for (int k = 0; k < LIVE; k++) {
    live_order[k] = (uint8_t)random_order();
    live[k] = alloc(live_order[k], 1);
  }
}

static double pair(int order, int n) {
  double t = now();
  for (int k = 0; k < n; k++) give(alloc(order, 1), order, 1);
  return (now() - t) / n;
}

static double mixed(int n) {
  double t = now();
  for (int k = 0; k < n; k++) {
    int at = (int)((rnd() >> 33) % LIVE);
    give(live[at], live_order[at], 1);
    live_order[at] = (uint8_t)random_order();
    live[at] = alloc(live_order[at], 1);
  }
  return (now() - t) / n;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

#define MEDIAN(name, expression)                     \
  do {                                               \
    double r[7];                                     \
    for (int k = 0; k < 7; k++) r[k] = (expression); \
    qsort(r, 7, sizeof *r, compare);                 \
    printf("%-24s %8.1f ns\n", name, r[3]);          \
  } while (0)

int main(void) {
  reset();
  MEDIAN("order 0, all split", pair(0, 1000000));
  MEDIAN("order 3, all split", pair(3, 1000000));
  fill();
  MEDIAN("order 0, 10k live", pair(0, 1000000));
  MEDIAN("order 3, 10k live", pair(3, 1000000));
  MEDIAN("mixed orders, 10k live", mixed(1000000));
  return 0;
}
