// SPDX-License-Identifier: Apache-2.0
// A program without libraries that prints its own maps at once. Built by
//   gcc -Os -s -static -nostdlib -fno-stack-protector areas.c -o areas64
//   gcc -Os -s -static-pie -fPIE -nostdlib -fno-stack-protector areas.c -o areas64pie
//   gcc -m32 -Os -s -static -nostdlib -fno-stack-protector areas.c -o areas32
// The .maps files are what the 64-bit ones printed on Linux 6.18 under `setarch -R env -i`.
#ifdef __x86_64__
static long call(long n, long a, long b, long c) {
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return r;
}
enum { READ = 0, WRITE = 1, OPEN = 2, EXIT = 60 };
#else
static long call(long n, long a, long b, long c) {
  long r;
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory");
  return r;
}
enum { READ = 3, WRITE = 4, OPEN = 5, EXIT = 1 };
#endif
char bss[10000];
int data[1100] = {1, 2, 3};
const int constants[100] = {4, 5, 6};
void _start(void) {
  char text[4096];
  long n;
  long fd = call(OPEN, (long) "/proc/self/maps", 0, 0);
  while ((n = call(READ, fd, (long) text, sizeof text)) > 0) call(WRITE, 1, (long) text, n);
  call(EXIT, 0, 0, 0);
}
