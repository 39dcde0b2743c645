// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.Uapi;
import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.Test;

/** What calls leave when memory ends in their middle, frame by frame. */
class ShortMemoryTest {
  private static final int GFP_PAGES = Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_NOWARN;
  private static final int GFP_TABLES = Gfp.GFP_KERNEL | Gfp.__GFP_NOWARN;
  private static final int MOST_LEFT = 200;

  /** A machine of which somebody else has many frames. */
  private static final class Rest implements AutoCloseable {
    final Machine machine = new MachineConfig().memory(32L << 20).cpus(1).boot();
    final Cpu cpu = machine.cpus().get(0);
    private final Deque<Long> taken = new ArrayDeque<>();

    Rest() {
      // The CPU has lists of frames for both now.
      int _ = take(GFP_PAGES, 1) + take(GFP_TABLES, 1);
    }

    /** Takes so many frames, or all that are left; how many it were. */
    int take(int gfp, int most) {
      int count = 0;
      while (count < most) {
        long pfn = machine.pages().allocPages(cpu, gfp, 0);
        if (pfn == PageAllocator.NO_PAGE) {
          break;
        }
        taken.add(pfn);
        count++;
      }
      return count;
    }

    @Override
    public void close() {
      taken.forEach(pfn -> machine.pages().freePages(cpu, pfn, 0));
      machine.close();
    }
  }

  @Test
  void aForkThatFailsLeavesNoStaleTranslation() {
    long first = 0x10000000L;
    long bytes = 4L << 20;
    int failures = 0;
    long child = -1;
    int all = 0;
    for (int frames = 0; child < 0 && frames < MOST_LEFT; frames++) {
      try (Rest rest = new Rest()) {
        Tasks tasks = rest.machine.processes().tasks();
        Task task = tasks.spawn("init", AddressSpaceConfig.defaults());
        AddressSpace mm = task.mm();
        assertNotNull(mm);
        assertEquals(first, mm.mmap(first, bytes, Rig.RW, Rig.PRIVATE_ANON | Rig.FIXED, -1, 0));
        tasks.switchTo(rest.cpu, task);
        for (long at = first; at < first + bytes; at += 2L << 20) {
          assertTrue(tasks.access(rest.cpu, at, Mmu.WRITE) >= 0, "frames=" + frames);
        }
        all = rest.take(GFP_TABLES, frames == 0 ? Integer.MAX_VALUE : all - frames) + frames;
        child = tasks.clone(task, 0);
        assertTrue(child > 0 || child == -Errno.ENOMEM, "clone=" + child);
        failures += child > 0 ? 0 : 1;
        int stale = rest.machine.pageTables().mmu(rest.cpu).stale();
        assertEquals(0, stale, "frames=" + frames + " clone=" + child);
        mm.validate();
      }
    }
    assertTrue(child > 0 && failures > 0, "clone=" + child + " failures=" + failures);
  }

  @Test
  void fallocateOfSharedMemoryGivesBackWhatItAddedWhenItFails() {
    try (Rest rest = new Rest()) {
      Tasks tasks = rest.machine.processes().tasks();
      Task task = tasks.spawn("init", AddressSpaceConfig.defaults());
      AddressSpace mm = task.mm();
      assertNotNull(mm);
      long fd = mm.memfdCreate("m", 0);
      assertEquals(0, mm.syscall(Syscall.FALLOCATE, fd, 0, 0, 2 << 12));
      long before = rest.machine.framesInUse().pages(FrameOwner.FILE);
      assertEquals(-Errno.ENOMEM, mm.syscall(Syscall.FALLOCATE, fd, 0, 1 << 12, 1L << 30));
      assertEquals(before, rest.machine.framesInUse().pages(FrameOwner.FILE));
      assertEquals(2 << 12, mm.syscall(Syscall.LSEEK, fd, 0, 2), "its size");
    }
  }

  @Test
  void aHolePunchedIntoSharedMemoryStaysOneWhenFallocateFails() {
    try (Rest rest = new Rest()) {
      AddressSpace mm =
          rest.machine.processes().tasks().spawn("init", AddressSpaceConfig.defaults()).mm();
      assertNotNull(mm);
      long fd = mm.memfdCreate("m", 0);
      assertEquals(0, mm.syscall(Syscall.FALLOCATE, fd, 0, 0, 4 << 12));
      int punch = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
      assertEquals(0, mm.syscall(Syscall.FALLOCATE, fd, punch, 1 << 12, 1 << 12));
      assertEquals(-Errno.ENOMEM, mm.syscall(Syscall.FALLOCATE, fd, 0, 0, 1L << 30));
      assertEquals(3, rest.machine.framesInUse().pages(FrameOwner.FILE));
    }
  }
}
