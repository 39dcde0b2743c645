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
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.Uapi;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What calls leave when memory ends in their middle, frame by frame. */
class ShortMemoryTest {
  private static final int GFP_PAGES = Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_NOWARN;
  private static final int GFP_TABLES = Gfp.GFP_KERNEL | Gfp.__GFP_NOWARN;
  private static final int MOST_LEFT = 200;
  private static final int TABLES_LEFT = 40;

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

  private static byte[] program() throws IOException {
    try (InputStream in = ShortMemoryTest.class.getResourceAsStream("/elf/areas64")) {
      assertNotNull(in);
      return in.readAllBytes();
    }
  }

  @Test
  void execGivesAllArgumentsOrFails() throws IOException {
    byte[] bytes = program();
    MappedFile file =
        new MappedFile("program", MappedFile.Kind.EXT4, bytes.length, at -> bytes[(int) at] & 255);
    List<String> arguments = Collections.nCopies(1100, ""); // their addresses fill a page
    ExecRequest request =
        new ExecRequest(
            "./program",
            ExecRequest.Program.of(file),
            null,
            Abi.X86_64,
            arguments,
            List.of(),
            ExecRequest.Auxiliary.DEFAULTS);
    int good = 0;
    int bad = 0;
    int early = 0;
    int tables;
    int pages;
    try (Rest rest = new Rest()) {
      Task _ = rest.machine.processes().tasks().spawn("init", AddressSpaceConfig.defaults());
      tables = rest.take(GFP_TABLES, Integer.MAX_VALUE) - TABLES_LEFT;
    }
    try (Rest rest = new Rest()) {
      Task _ = rest.machine.processes().tasks().spawn("init", AddressSpaceConfig.defaults());
      int _ = rest.take(GFP_TABLES, tables);
      pages = rest.take(GFP_PAGES, Integer.MAX_VALUE);
    }
    for (int frames = 1; good == 0 && frames < Math.min(pages, MOST_LEFT); frames++) {
      try (Rest rest = new Rest()) {
        Tasks tasks = rest.machine.processes().tasks();
        Task task = tasks.spawn("init", AddressSpaceConfig.defaults());
        int _ = rest.take(GFP_TABLES, tables) + rest.take(GFP_PAGES, pages - frames);
        long result = tasks.exec(task, request);
        boolean lives = task.state() == Task.State.RUNNING;
        tasks.validate();
        if (result == 0) {
          good++;
          checkArguments(task, arguments.size(), "frames=" + frames);
        } else {
          bad++;
          early += result == -Errno.E2BIG ? 1 : 0;
          boolean before = result == -Errno.E2BIG || result == -Errno.ENOMEM;
          assertEquals(before, lives, "frames=" + frames + " error=" + result);
        }
      }
    }
    assertTrue(good > 0 && early > 0 && bad > early, good + " " + early + " " + bad);
  }

  private static void checkArguments(Task task, int count, String where) {
    AddressSpace mm = task.mm();
    assertNotNull(mm);
    long argv = mm.fields().places().startStack() + Long.BYTES;
    long text = mm.fields().places().argStart();
    for (int i = 0; i < count; i++) {
      int low = mm.read(argv + (long) i * Long.BYTES).value();
      assertEquals((int) (text + i) & 255, low, where + " argv[" + i + "]");
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

  /** Both, a mapping and a descriptor, keep a memfd; behind the last nobody can reach its pages. */
  @Test
  void sharedMemoryWithoutANameGoesWithItsLastHolder() {
    try (Rest rest = new Rest()) {
      Tasks tasks = rest.machine.processes().tasks();
      AddressSpace mm = tasks.spawn("init", AddressSpaceConfig.defaults()).mm();
      assertNotNull(mm);
      long fd = mm.memfdCreate("m", 0);
      assertEquals(0, mm.syscall(Syscall.FALLOCATE, fd, 0, 0, 4 << 12));
      long at = mm.mmap(0, 4 << 12, 3, 1, fd, 0);
      assertEquals(0, mm.syscall(Syscall.CLOSE, fd));
      assertEquals(4, rest.machine.framesInUse().pages(FrameOwner.FILE), "it is mapped");
      assertEquals(0, mm.munmap(at, 4 << 12));
      assertEquals(0, rest.machine.framesInUse().pages(FrameOwner.FILE), "nothing holds it");
      fd = mm.memfdCreate("n", 0);
      assertEquals(0, mm.syscall(Syscall.FALLOCATE, fd, 0, 0, 4 << 12));
      at = mm.mmap(0, 4 << 12, 3, 1, fd, 0);
      assertEquals(0, mm.munmap(at, 4 << 12));
      assertEquals(4, rest.machine.framesInUse().pages(FrameOwner.FILE), "it is open");
      assertEquals(0, mm.syscall(Syscall.CLOSE, fd));
      assertEquals(0, rest.machine.framesInUse().pages(FrameOwner.FILE), "nothing holds it");
    }
  }
}
