// SPDX-License-Identifier: Apache-2.0
/* Maps lines, their differences, and state blocks from smaps and pagemap. */
#include "recorder.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NSHM 65536
static u64 shm[NSHM]; /* inode numbers of shared anonymous memory, in order of appearance */
static int nshm;

char *slurp(const char *path) {
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
  snprintf(name, sizeof name, "%.290s", line + n);
  name[strcspn(name, "\n")] = 0;
  char id[300] = "-";
  if (strstr(name, "/dev/zero (deleted)")) {
    int i;
    for (i = 0; i < nshm && shm[i] != ino; i++) {}
    if (i == nshm && nshm < NSHM) shm[nshm++] = ino;
    snprintf(id, sizeof id, "Z%d", i + 1);
  } else if (!strcmp(name, "/dev/zero")) strcpy(id, "ZERO");
  else if (strstr(name, "/victim")) strcpy(id, "EXE");
  else if (strrchr(name, '/') && strrchr(name, '/')[1] == 'F') {
    strcpy(id, strrchr(name, '/') + 1);
    char *gone = strstr(id, " (deleted)");
    if (gone) memmove(gone, gone + 1, strlen(gone));
  } else if (!strncmp(name, "/memfd:", 7)) {
    strcpy(id, name + 7);
    id[strcspn(id, " ")] = 0;
  } else if (!strncmp(name, "/SYSV", 5)) strcpy(id, "SHM");
  else if (name[0] == '[') strcpy(id, name);
  sprintf(out, "%lx-%lx %s %lx %s %s\n", a, b, perm, off, ino || !strcmp(id, "SHM") ? "F F" : "0 0", id);
}

char *read_maps(pid_t pid) {
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

int count_lines(const char *s) {
  int n = 0;
  for (; *s; s++) n += *s == '\n';
  return n;
}

static u64 line_start(const char *s) { return strtoull(s, 0, 16); }

void print_change(const char *old, const char *new) {
  const char *o = old, *n = new;
  size_t room = strlen(old) + strlen(new) * 2 + count_lines(old) * 2 + count_lines(new) * 2 + 16;
  char *minus = malloc(room), *plus = malloc(room);
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
  free(minus);
  free(plus);
}

void print_maps(int p, const char *when) {
  printf("maps p%d n=%d %s\n%send\n", p, count_lines(proc[p].maps), when, proc[p].maps);
}

#define IS_PRESENT (1 << 3)
#define IS_SWAPPED (1 << 4)
#define IS_PFNZERO (1 << 5)
#define IS_HUGE (1 << 6)

/* The zero pages of a range as one letter each, others untouched. */
static void mark_zero(int pm, u64 a, u64 b, char *letters) {
  static struct region got[512];
  u64 at = a;
  while (at < b) {
    struct scan_arg s = {.size = sizeof s, .start = at, .end = b, .vec = (u64) got, .vec_len = 512,
      .mask = IS_PFNZERO | IS_PRESENT, .return_mask = IS_PFNZERO | IS_HUGE};
    int n = ioctl(pm, SCAN, &s);
    if (n < 0) die("PAGEMAP_SCAN");
    for (int i = 0; i < n; i++)
      for (u64 v = got[i].start; v < got[i].end; v += P) letters[(v - a) / P] = got[i].categories & IS_HUGE ? 'Z' : 'z';
    if (s.walk_end <= at) break;
    at = s.walk_end;
  }
}

/* Whether a read of memory that was never written maps the zero page on this kernel. */
int maps_zero_page(void) {
  char *page = mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), letter = '.';
  int pm = open("/proc/self/pagemap", O_RDONLY);
  if (page == MAP_FAILED || pm < 0) die("probe of the zero page");
  if (*(volatile char *) page) die("memory");
  mark_zero(pm, (u64) page, (u64) page + P, &letter);
  munmap(page, P);
  close(pm);
  return letter == 'z';
}

/* read_ahead_kb of the disk that holds a file, which decides how much a fault or read brings in. */
int read_ahead_kb(const char *file) {
  struct stat st;
  char path[80];
  if (stat(file, &st)) die(file);
  sprintf(path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev), minor(st.st_dev));
  if (access(path, R_OK)) { /* a partition: its disk has it */
    sprintf(path, "/sys/dev/block/%u:%u/../queue/read_ahead_kb", major(st.st_dev), minor(st.st_dev));
    if (access(path, R_OK)) return 128;
  }
  char *s = slurp(path);
  int kb = atoi(s);
  free(s);
  return kb;
}

/* The first address from a on where an entry is there, b if there is none: terabytes may be empty. */
static u64 next_entry(int pm, u64 a, u64 b) {
  struct region got;
  struct scan_arg s = {.size = sizeof s, .start = a, .end = b, .vec = (u64) &got, .vec_len = 1, .max_pages = 1,
    .anyof_mask = IS_PRESENT | IS_SWAPPED, .return_mask = IS_PRESENT};
  int n = ioctl(pm, SCAN, &s);
  if (n < 0) die("PAGEMAP_SCAN");
  return n ? got.start : b;
}

/* Prints the page states of [a, b) as run lengths. Ranges where nothing is present are skipped. */
static void print_pages(int pm, u64 a, u64 b) {
  u64 pages = (b - a) / P, run = 0, done = 0;
  char last = 0;
  static u64 entry[4096];
  static char letter[4096];
  int first = 1;
  while (done < pages) {
    u64 empty = last == '.' ? (next_entry(pm, a + done * P, b) - a) / P - done : 0;
    run += empty;
    done += empty;
    u64 n = pages - done < 4096 ? pages - done : 4096;
    if (pread(pm, entry, n * 8, (a / P + done) * 8) != (ssize_t) (n * 8)) memset(entry, 0, n * 8);
    int zero = 0;
    for (u64 i = 0; i < n; i++) {
      u64 e = entry[i];
      int once = e >> 56 & 1;
      letter[i] = e >> 63 ? (e >> 61 & 1 ? (once ? 'F' : 'f') : (once ? 'A' : 'a')) : e >> 58 & 1 ? 'g' : e >> 62 & 1 ? 's' : '.';
      zero |= letter[i] == 'a' || letter[i] == 'f';
    }
    if (zero) mark_zero(pm, a + done * P, a + (done + n) * P, letter);
    for (u64 i = 0; i < n; i++) {
      if (letter[i] != last) {
        if (last) { printf("%s%c%lu", first ? "" : ",", last, run); first = 0; }
        last = letter[i];
        run = 0;
      }
      run++;
    }
    done += n;
  }
  printf("%s%c%lu", first ? "" : ",", last, run);
}

static void print_status(int p) {
  static const char *keys[] = {"VmPeak", "VmSize", "VmLck", "VmPin", "VmRSS", "RssAnon", "RssFile",
    "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE"};
  char path[64], want[32];
  sprintf(path, "/proc/%d/status", proc[p].pid);
  char *s = slurp(path);
  printf("status p%d", p);
  for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
    sprintf(want, "\n%s:", keys[i]);
    char *at = strstr(s, want);
    printf(" %s=%lu", keys[i], at ? strtoul(at + strlen(want), 0, 10) : 0);
  }
  puts("");
  free(s);
}

void print_state(int p, const char *when) {
  char path[64];
  sprintf(path, "/proc/%d/smaps", proc[p].pid);
  char *s = slurp(path), *at = s;
  sprintf(path, "/proc/%d/pagemap", proc[p].pid);
  int pm = open(path, O_RDONLY);
  printf("state p%d n=%d %s\n", p, count_lines(proc[p].maps), when);
  char line[600] = "", flags[300];
  u64 rss = 0, anon = 0, locked = 0, ahp = 0, a = 0, b = 0;
  while (*at) {
    char *nl = strchr(at, '\n');
    *nl = 0;
    u64 x;
    if (sscanf(at, "Rss: %lu", &x) == 1) rss = x;
    else if (sscanf(at, "Anonymous: %lu", &x) == 1) anon = x;
    else if (sscanf(at, "Locked: %lu", &x) == 1) locked = x;
    else if (sscanf(at, "AnonHugePages: %lu", &x) == 1) ahp = x;
    else if (!strncmp(at, "VmFlags: ", 9)) {
      snprintf(flags, sizeof flags, "%.290s", at + 9);
      for (char *q = flags; *q; q++) if (*q == ' ') *q = q[1] ? ',' : 0;
      line[strlen(line) - 1] = 0;
      printf("%s rss=%lu anon=%lu locked=%lu ahp=%lu flags=%s pages=", line, rss, anon, locked, ahp, flags);
      if (a < task_size && !strstr(line, "[vv")) print_pages(pm, a, b); else printf("?");
      puts("");
    } else if (strchr("0123456789abcdef", *at) && strchr(at, '-') && strchr(at, '-') - at < 17) {
      convert(at, line);
      a = strtoull(at, 0, 16);
      b = strtoull(strchr(at, '-') + 1, 0, 16);
    }
    at = nl + 1;
  }
  puts("end");
  free(s);
  close(pm);
  print_status(p);
}
