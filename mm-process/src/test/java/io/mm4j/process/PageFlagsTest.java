// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import java.util.LinkedHashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What pages of processes are asked for with: orders and flags that the tracepoint {@code
 * kmem:mm_page_alloc} of Linux 6.18.44 told of the same accesses and calls, but for page tables.
 */
class PageFlagsTest {
  private static final long AT = 0x10000000L;
  private static final long HUGE = 2L << 20;
  private static final long BUFFER = 0x20000000L;
  private static final int FD = 9;
  private static final String ANON = "0 GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP";
  private static final String READ_AHEAD =
      "GFP_NOFS|__GFP_HIGHMEM|__GFP_MOVABLE|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_HARDWALL";
  private static final String WRITE = "GFP_HIGHUSER_MOVABLE|__GFP_WRITE|__GFP_COMP";
  private static final String LARGE_WRITE =
      "GFP_HIGHUSER_MOVABLE|__GFP_WRITE|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP";
  private static final String HUGE_FAULT = "9 GFP_TRANSHUGE|__GFP_NORETRY|__GFP_THISNODE";

  private final Rig rig = new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.MADVISE);
  private final Set<String> told = new LinkedHashSet<>();

  PageFlagsTest() {
    rig.map(BUFFER, 32, Rig.RW);
    for (int i = 0; i < 32; i++) {
      rig.touch(BUFFER + i * 4096L);
    }
    MappedFile file =
        new MappedFile("F2", MappedFile.Kind.EXT4, 4L << 20, at -> (int) (at >> 12), 4096);
    rig.mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    assertEquals(0, rig.mm.syscall(Syscall.FADVISE64, FD, 0, 0, Uapi.POSIX_FADV_DONTNEED));
    boolean _ =
        rig.machine
            .pages()
            .watch(
                new PageEvents() {
                  @Override
                  public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
                    if ((gfp & Gfp.__GFP_ACCOUNT) == 0 || (gfp & Gfp.__GFP_HIGHMEM) != 0) {
                      told.add(order + " " + Gfp.format(gfp));
                    }
                  }
                });
  }

  @AfterEach
  void close() {
    rig.mm.validate();
    rig.close();
  }

  private void asked(String... requests) {
    assertEquals(Set.of(requests), told);
    told.clear();
  }

  @Test
  void anonymousMemory() {
    rig.map(AT, 4, Rig.RW);
    rig.touch(AT);
    asked(ANON);
  }

  @Test
  void hugePages() {
    rig.map(AT, (4 * HUGE) >> 12, Rig.RW);
    assertEquals(0, rig.mm.madvise(AT, 2 * HUGE, Uapi.MADV_HUGEPAGE));
    rig.touch(AT);
    asked(HUGE_FAULT);
    rig.touch(AT + 2 * HUGE);
    asked(ANON);
    assertEquals(0, rig.mm.madvise(AT + 2 * HUGE, HUGE, Uapi.MADV_COLLAPSE));
    asked("9 GFP_TRANSHUGE");
  }

  @Test
  void theHugeZeroPageAndWhatReplacesIt() {
    rig.map(AT, (2 * HUGE) >> 12, Rig.RW);
    assertEquals(0, rig.mm.madvise(AT, HUGE, Uapi.MADV_HUGEPAGE));
    assertTrue(rig.mm.read(AT).ok());
    int zero = (Gfp.GFP_TRANSHUGE | Gfp.__GFP_ZERO) & ~Gfp.__GFP_MOVABLE;
    assertTrue(told.contains("9 " + Gfp.format(zero)), told::toString);
    told.clear();
    rig.touch(AT);
    asked(HUGE_FAULT);
  }

  @Test
  void filesThatAreReadAndWritten() {
    assertEquals(4096, rig.mm.syscall(Syscall.PREAD64, FD, BUFFER, 4096, 0));
    asked("0 " + READ_AHEAD);
    assertEquals(4096, rig.mm.syscall(Syscall.PWRITE64, FD, BUFFER, 4096, 1 << 20));
    asked("0 " + WRITE);
    assertEquals(65536, rig.mm.syscall(Syscall.PWRITE64, FD, BUFFER, 65536, 2 << 20));
    asked("4 " + LARGE_WRITE);
  }

  @Test
  void pagesThatTheKernelDoesNotMove() {
    long secret = rig.mm.syscall(Syscall.MEMFD_SECRET, 0);
    assertEquals(0, rig.mm.syscall(Syscall.FTRUNCATE, secret, 8192));
    long at = rig.mm.mmap(0, 8192, Rig.RW, 1, secret, 0);
    rig.touch(at);
    asked("0 GFP_HIGHUSER|__GFP_ZERO|__GFP_COMP");
  }

  @Test
  void sharedMemory() {
    long fd = rig.mm.memfdCreate("x", 0);
    assertEquals(65536, rig.mm.syscall(Syscall.PWRITE64, fd, BUFFER, 65536, 0));
    asked("0 GFP_HIGHUSER_MOVABLE|__GFP_COMP");
  }
}
