// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import java.util.Objects;
import java.util.StringJoiner;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What reclaim would know of pages, as /proc/kpageflags of Linux 6.18.44 showed it for the same
 * calls of one process on one CPU, behind a local {@code lru_add_drain()} (an mlock and munlock of
 * another page).
 */
class LruMarksTest {
  private static final long AT = 0x10000000L;
  private static final long OTHER = 0x20000000L;
  private static final int PAGES = 4;
  private static final int BYTES = PAGES * 4096;
  private static final int SHARED = 1;
  private static final int FD = 9;
  private static final int SHM_LOCK = 11;
  private static final int POPULATE = 0x8000;
  private static final int DROPPABLE = 0x28;

  private final Rig rig = new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.MADVISE);
  private final MemMap map = rig.machine.memory().memMap();

  /** A file whose pages are folios of their own. */
  @BeforeEach
  void file() {
    MappedFile pages =
        new MappedFile("F2", MappedFile.Kind.EXT4, 65536, at -> (int) (at >> 12), 4096);
    rig.mm.installFd(FD, new OpenFile(pages, OpenFile.Mode.READ_WRITE));
  }

  @AfterEach
  void valid() {
    rig.mm.validate();
    rig.close();
  }

  private String marks(AddressSpace mm, long addr) {
    long pfn = rig.machine.pageTables().translate(mm.fields().pgd() >>> 12, addr) >>> 12;
    int flags = rig.floor.lruFlags(pfn);
    StringJoiner out = new StringJoiner(",");
    word(out, flags, PageFlags.PG_REFERENCED, "referenced");
    word(out, flags, PageFlags.PG_LRU, "lru");
    word(out, flags, PageFlags.PG_ACTIVE, "active");
    word(out, map.flags(map.head(pfn)), PageFlags.PG_SWAPBACKED, "swapbacked");
    word(out, flags, PageFlags.PG_UNEVICTABLE, "unevictable");
    word(out, flags, PageFlags.PG_MLOCKED, "mlocked");
    word(out, flags, PageFlags.PG_ANON_EXCLUSIVE, "owner_2");
    return out.toString();
  }

  private static void word(StringJoiner out, int flags, int bit, String word) {
    if ((flags & bit) != 0) {
      out.add(word);
    }
  }

  private void shows(String wanted, long from, int pages) {
    for (int i = 0; i < pages; i++) {
      assertEquals(wanted, marks(rig.mm, from + i * 4096L), "page " + i);
    }
  }

  private void ok(long result) {
    assertTrue(result >= 0, () -> "errno " + -result);
  }

  private void anonymous(int more) {
    ok(rig.mm.mmap(AT, BYTES, Rig.RW, Rig.PRIVATE_ANON | Rig.FIXED | more, -1, 0));
  }

  private void write(AddressSpace mm, long from, int pages) {
    for (int i = 0; i < pages; i++) {
      assertTrue(mm.write(from + i * 4096L, 1).ok());
    }
  }

  private void read(long from, int pages) {
    for (int i = 0; i < pages; i++) {
      assertTrue(rig.mm.read(from + i * 4096L).ok());
    }
  }

  private void advise(int advice) {
    ok(rig.mm.madvise(AT, BYTES, advice));
  }

  @Test
  void populateIsAnAccessAndAWriteIsNone() {
    anonymous(0);
    write(rig.mm, AT, PAGES);
    shows("lru,swapbacked,owner_2", AT, PAGES);
    anonymous(POPULATE);
    shows("referenced,lru,swapbacked,owner_2", AT, PAGES);
    advise(Uapi.MADV_POPULATE_WRITE);
    shows("lru,active,swapbacked,owner_2", AT, PAGES);
    advise(Uapi.MADV_POPULATE_READ);
    shows("referenced,lru,active,swapbacked,owner_2", AT, PAGES);
    advise(Uapi.MADV_COLD);
    shows("lru,swapbacked,owner_2", AT, PAGES);
    advise(Uapi.MADV_FREE);
    shows("lru,owner_2", AT, PAGES);
    write(rig.mm, AT, PAGES);
    shows("lru,owner_2", AT, PAGES);
  }

  @Test
  void whatMayBeDroppedNeedsNoSwap() {
    ok(rig.mm.mmap(AT, BYTES, Rig.RW, DROPPABLE | Rig.FIXED, -1, 0));
    write(rig.mm, AT, PAGES);
    shows("lru,owner_2", AT, PAGES);
    advise(Uapi.MADV_POPULATE_READ);
    shows("referenced,lru,owner_2", AT, PAGES);
    advise(Uapi.MADV_POPULATE_WRITE);
    shows("lru,active,owner_2", AT, PAGES);
    advise(Uapi.MADV_FREE);
    shows("lru,active,owner_2", AT, PAGES);
    advise(Uapi.MADV_COLD);
    shows("lru,owner_2", AT, PAGES);
    ok(rig.mm.madvise(AT, 4096, Uapi.MADV_PAGEOUT));
    assertEquals(3, rig.mm.usage(AT).rssKb() >> 2, "it goes, though it was written to");
  }

  @Test
  void lockedPagesAreNeverActive() {
    String locked = "referenced,lru,swapbacked,unevictable,mlocked,owner_2";
    anonymous(0);
    write(rig.mm, AT, PAGES);
    for (int i = 0; i < 2; i++) {
      ok(rig.mm.mlock(AT, BYTES));
      shows(locked, AT, PAGES);
    }
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertEquals(locked.replace(",owner_2", ""), marks(child, AT), "the child's");
    child.exit();
    shows(locked.replace(",owner_2", ""), AT, PAGES);
    ok(rig.mm.munlock(AT, BYTES));
    shows("referenced,lru,swapbacked", AT, PAGES);
    advise(Uapi.MADV_POPULATE_READ);
    shows("lru,active,swapbacked", AT, PAGES);
    ok(rig.mm.mlock(AT, BYTES)); // it writes, as to what one process has now
    ok(rig.mm.munlock(AT, BYTES));
    shows("referenced,lru,swapbacked,owner_2", AT, PAGES);
  }

  @Test
  void whatDontunmapLeavesInALockedVmaStaysLocked() {
    String locked = "referenced,lru,swapbacked,unevictable,mlocked,owner_2";
    anonymous(0);
    write(rig.mm, AT, PAGES);
    ok(rig.mm.mlock(AT, BYTES));
    long moves = Uapi.MREMAP_MAYMOVE | Uapi.MREMAP_FIXED | Uapi.MREMAP_DONTUNMAP;
    ok(rig.mm.mremap(AT, 4096, 4096, moves, OTHER));
    shows(locked, AT + 4096, PAGES - 1);
    ok(rig.mm.mlock(AT, BYTES));
    ok(rig.mm.munlock(AT, BYTES)); // takes back what it counted itself
    shows(locked, AT + 4096, PAGES - 1);
    advise(Uapi.MADV_FREE);
    shows(locked, AT + 4096, PAGES - 1);
    ok(rig.mm.madvise(AT + 4096, 4096, Uapi.MADV_PAGEOUT));
    shows(locked.replace("referenced,", ""), AT + 4096, 1);
    ok(rig.mm.munlock(OTHER, 4096));
    shows("referenced,lru,swapbacked,owner_2", OTHER, 1);
  }

  @Test
  void sharedMemoryThatStaysLockedIsNotPagedOut() {
    ok(rig.mm.mmap(AT, BYTES, Rig.RW, SHARED | 0x20 | Rig.FIXED, -1, 0));
    read(AT, PAGES);
    ok(rig.mm.mlock(AT, BYTES));
    long moves = Uapi.MREMAP_MAYMOVE | Uapi.MREMAP_FIXED | Uapi.MREMAP_DONTUNMAP;
    ok(rig.mm.mremap(AT, 4096, 4096, moves, OTHER));
    advise(Uapi.MADV_PAGEOUT);
    shows("lru,swapbacked,unevictable,mlocked", AT + 4096, PAGES - 1);
    ok(rig.mm.munmap(AT, BYTES));
    ok(rig.mm.munmap(OTHER, 4096));
  }

  @Test
  void aSegmentWithShmLockIsNotPagedOut() {
    long id = rig.mm.syscall(Syscall.SHMGET, 0, BYTES, 0x180);
    ok(id);
    assertEquals(AT, rig.mm.syscall(Syscall.SHMAT, id, AT, 0));
    read(AT, 2);
    ok(rig.mm.syscall(Syscall.SHMCTL, id, SHM_LOCK, 0));
    shows("lru,swapbacked", AT, 2);
    read(AT + 2 * 4096, 1);
    shows("lru,swapbacked,unevictable", AT + 2 * 4096, 1);
    advise(Uapi.MADV_PAGEOUT);
    shows("lru,swapbacked,unevictable", AT, 3);
    ok(rig.mm.syscall(Syscall.SHMCTL, id, SHM_LOCK + 1, 0));
    shows("lru,swapbacked", AT, 3);
    advise(Uapi.MADV_PAGEOUT);
    assertEquals(0, rig.mm.usage(AT).rssKb());
  }

  @Test
  void forkSharesUntilSomebodyWrites() {
    anonymous(0);
    write(rig.mm, AT, PAGES);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    shows("lru,swapbacked", AT, PAGES);
    write(child, AT, 1);
    assertEquals("lru,swapbacked,owner_2", marks(child, AT));
    assertEquals("lru,swapbacked", marks(child, AT + 4096));
    shows("lru,swapbacked", AT, PAGES);
    write(rig.mm, AT, 2); // the first is reused, the second copied
    shows("lru,swapbacked,owner_2", AT, 2);
    child.exit();
    shows("lru,swapbacked", AT + 2 * 4096, 2);
    write(rig.mm, AT + 2 * 4096, 1);
    shows("lru,swapbacked,owner_2", AT, 3);
    shows("lru,swapbacked", AT + 3 * 4096, 1);
  }

  @Test
  void unmappingUsedPagesOfAFileIsAnAccess() {
    String[] after = {"referenced,lru", "lru,active", "referenced,lru,active"};
    ok(rig.mm.mmap(AT, BYTES, Rig.RW, SHARED | Rig.FIXED, FD, 0));
    ok(rig.mm.madvise(AT, BYTES, 1)); // MADV_RANDOM: it does not tell
    read(AT, PAGES);
    shows("lru", AT, PAGES);
    ok(rig.mm.munmap(AT, BYTES));
    ok(rig.mm.mmap(AT, BYTES, Rig.RW, SHARED | Rig.FIXED, FD, 0));
    read(AT, PAGES);
    shows("lru", AT, PAGES);
    for (String each : after) {
      ok(rig.mm.munmap(AT, BYTES));
      ok(rig.mm.mmap(AT, BYTES, Rig.RW, SHARED | Rig.FIXED, FD, 0));
      read(AT, PAGES);
      shows(each, AT, PAGES);
    }
    ok(rig.mm.mlock(AT, 4096));
    shows("referenced,lru,unevictable,mlocked", AT, 1);
    ok(rig.mm.munlock(AT, 4096));
    shows("referenced,lru", AT, 1);
    shows("referenced,lru,active", AT + 4096, PAGES - 1);
  }

  @Test
  void aReadMarksEachFolioOnce() {
    String[] after = {"referenced,lru", "lru,active", "referenced,lru,active"};
    ok(rig.mm.mmap(OTHER, BYTES, Rig.RW, Rig.PRIVATE_ANON | Rig.FIXED, -1, 0));
    ok(rig.mm.mmap(AT, BYTES, Rig.READ, SHARED | Rig.FIXED, FD, 0));
    ok(rig.mm.madvise(AT, BYTES, 1));
    for (String each : after) {
      ok(rig.mm.syscall(Syscall.PREAD64, FD, OTHER, BYTES, 0));
      read(AT, PAGES);
      shows(each, AT, PAGES);
    }
  }

  @Test
  void sharedMemoryIsMarkedByWritesAndReadsOfPages() {
    ok(rig.mm.mmap(OTHER, BYTES, Rig.RW, Rig.PRIVATE_ANON | Rig.FIXED, -1, 0));
    write(rig.mm, OTHER, PAGES); // a write from pages that are missing begins twice
    long fd = rig.mm.memfdCreate("x", 0);
    ok(fd);
    ok(rig.mm.syscall(Syscall.PWRITE64, fd, OTHER, 3 * 4096, 0));
    ok(rig.mm.syscall(Syscall.FTRUNCATE, fd, BYTES));
    ok(rig.mm.mmap(AT, BYTES, Rig.RW, SHARED | Rig.FIXED, fd, 0));
    read(AT, PAGES);
    shows("referenced,lru,swapbacked", AT, 3);
    shows("lru,swapbacked", AT + 3 * 4096, 1);
    ok(rig.mm.syscall(Syscall.PWRITE64, fd, OTHER, 4096, 0));
    shows("lru,active,swapbacked", AT, 1);
    ok(rig.mm.syscall(Syscall.PREAD64, fd, OTHER, 2 * 4096, 0));
    shows("referenced,lru,active,swapbacked", AT, 1);
    shows("lru,active,swapbacked", AT + 4096, 1);
    shows("referenced,lru,swapbacked", AT + 2 * 4096, 1);
  }

  @Test
  void ofAHugePageTheFirstOneTells() {
    long huge = 2L << 20;
    ok(rig.mm.mmap(AT, 2 * huge, Rig.RW, Rig.PRIVATE_ANON | Rig.FIXED, -1, 0));
    ok(rig.mm.madvise(AT, 2 * huge, 14)); // MADV_HUGEPAGE
    write(rig.mm, AT, 1);
    shows("lru,swapbacked,owner_2", AT, 512);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    shows("lru,swapbacked", AT, 512);
    write(rig.mm, AT + 3 * 4096, 1);
    shows("lru,swapbacked", AT, 3);
    shows("lru,swapbacked,owner_2", AT + 3 * 4096, 1);
    child.exit();
    shows("lru,swapbacked", AT + 4 * 4096, 508);
    write(rig.mm, AT, 1);
    shows("lru,swapbacked,owner_2", AT + 4 * 4096, 508);
    write(rig.mm, AT + huge, 1);
    ok(rig.mm.mlock(AT + huge, huge)); // a huge mapping is not marked
    shows("lru,swapbacked,unevictable,mlocked,owner_2", AT + huge, 512);
    ok(rig.mm.munlock(AT + huge, 16 * 4096)); // no locked VMA has the whole folio
    shows("lru,swapbacked,owner_2", AT + huge, 512);
  }
}
