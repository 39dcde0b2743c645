// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import java.util.Objects;
import java.util.StringJoiner;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What pagemap, kpagecount and kpageflags say of the pool's pages, as Linux 6.18.44 showed it for
 * the same calls with a pool of eight pages that nobody had used.
 */
class HugePoolMarksTest {
  private static final long HUGE = 2L << 20;
  private static final long AT = 0x10000000L;
  private static final long OTHER = 0x20000000L;
  private static final int HUGETLB = 0x40000;
  private static final int SHARED_ANON = 0x21;
  private static final int SHARED = 1;
  private static final int PRIVATE = 2;

  private final Rig rig = new Rig();
  private final MemMap map = rig.machine.memory().memMap();

  @BeforeEach
  void pool() {
    assertEquals(0, rig.floor.writeSysctl("nr_hugepages", "8"));
  }

  @AfterEach
  void valid() {
    rig.mm.validate();
    rig.close();
  }

  private String shown(AddressSpace mm, long addr) {
    StringJoiner out = new StringJoiner(",");
    long[] pages = {0};
    mm.pagemap(
        addr,
        addr + HUGE,
        (at, entry) -> {
          long head = map.head(entry & (1L << 55) - 1);
          int flags = map.flags(head) | rig.floor.lruFlags(head);
          word(out, pages[0] == 0 && (entry & Pagemap.FILE) != 0, "file/shared");
          word(out, pages[0] == 0 && (entry & Pagemap.MMAP_EXCLUSIVE) != 0, "exclusive");
          word(out, pages[0] == 0, "" + map.entireMapcount(head));
          word(out, pages[0] == 0 && (flags & PageFlags.PG_DIRTY) != 0, "dirty");
          word(out, pages[0] == 0 && (map.mapping(head) & 1) != 0, "anon");
          word(out, pages[0] == 0 && (flags & PageFlags.PG_ANON_EXCLUSIVE) != 0, "owner_2");
          word(out, (flags & (PageFlags.PG_LRU | PageFlags.PG_MLOCKED)) != 0, "a list");
          pages[0]++;
        });
    assertTrue(pages[0] == 0 || pages[0] == 512, "pages: " + pages[0]);
    return out.toString();
  }

  private static void word(StringJoiner out, boolean has, String word) {
    if (has) {
      out.add(word);
    }
  }

  private void shows(String wanted) {
    assertEquals(wanted, shown(rig.mm, AT));
  }

  private void ok(long result) {
    assertTrue(result >= 0, () -> "errno " + -result);
  }

  private void write(AddressSpace mm, long addr) {
    assertTrue(mm.write(addr, 1).ok());
  }

  @Test
  void aPrivatePageIsAnonymousAndShared() {
    String own = "exclusive,1,anon,owner_2";
    ok(rig.mm.mmap(AT, HUGE, Rig.RW, Rig.PRIVATE_ANON | Rig.FIXED | HUGETLB, -1, 0));
    shows("");
    assertTrue(rig.mm.read(AT).ok());
    shows(own);
    write(rig.mm, AT + 5000);
    shows(own);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertEquals("2,anon", shown(child, AT));
    write(child, AT);
    assertEquals(own, shown(child, AT));
    shows("exclusive,1,anon");
    write(rig.mm, AT);
    shows(own);
    child.exit();
    ok(rig.mm.mlock(AT, HUGE));
    shows(own);
    ok(rig.mm.madvise(AT, HUGE, Uapi.MADV_POPULATE_READ));
    shows(own);
    child = Objects.requireNonNull(rig.mm.fork());
    child.exit(); // its entry was dirty, as the parent's
    shows("exclusive,1,dirty,anon");
    write(rig.mm, AT);
    shows("exclusive,1,dirty,anon,owner_2");
  }

  @Test
  void aPageOfAFileIsDirtyAtOnce() {
    ok(rig.mm.mmap(AT, HUGE, Rig.RW, SHARED_ANON | Rig.FIXED | HUGETLB, -1, 0));
    assertTrue(rig.mm.read(AT).ok());
    shows("file/shared,exclusive,1,dirty");
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertEquals("", shown(child, AT));
    assertTrue(child.read(AT).ok());
    assertEquals("file/shared,2,dirty", shown(child, AT));
    child.exit();
    shows("file/shared,exclusive,1,dirty");
  }

  @Test
  void aPrivateMappingOfAFileHasItsPagesUntilItWrites() {
    int fd = (int) rig.mm.memfdCreate("h", 4); // MFD_HUGETLB
    ok(fd);
    ok(rig.mm.syscall(Syscall.FTRUNCATE, fd, 2 * HUGE));
    ok(rig.mm.mmap(OTHER, 2 * HUGE, Rig.RW, SHARED | Rig.FIXED, fd, 0));
    write(rig.mm, OTHER);
    ok(rig.mm.mmap(AT, 2 * HUGE, Rig.RW, PRIVATE | Rig.FIXED, fd, 0));
    assertTrue(rig.mm.read(AT).ok());
    shows("file/shared,2,dirty");
    write(rig.mm, AT);
    shows("exclusive,1,anon,owner_2");
    assertEquals("file/shared,exclusive,1,dirty", shown(rig.mm, OTHER));
    assertTrue(rig.mm.read(AT + HUGE).ok());
    assertEquals("exclusive,1,anon,owner_2", shown(rig.mm, AT + HUGE));
    long dirty =
        map.head(rig.machine.pageTables().translate(rig.mm.fields().pgd() >>> 12, AT) >>> 12);
    ok(rig.mm.munmap(AT, 2 * HUGE));
    assertEquals(PageFlags.PG_DIRTY, map.flags(dirty) & PageFlags.PG_DIRTY, "it stays in the pool");
    assertEquals(0, rig.floor.lruFlags(dirty));
  }
}
