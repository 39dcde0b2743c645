// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.process.treemap.TreeMapVmaIndexProvider;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The cases of the kernel's tools/testing/vma under their names, on the merger alone: addresses are
 * pages 0, 1, 2..., page offsets are page numbers. Cases with a close hook have no counterpart:
 * only special mappings have one, and they never merge.
 */
class VmaMergerTest {
  private static final long FLAGS =
      VmFlags.READ | VmFlags.WRITE | VmFlags.MAYREAD | VmFlags.MAYWRITE;
  private static final int NO_LIMIT = Integer.MAX_VALUE;

  private boolean outOfMemory;
  private final VmaTree tree =
      new VmaTree(new TreeMapVmaIndexProvider().create(), () -> outOfMemory);
  private final VmaMerger merger = new VmaMerger(tree, at -> {});

  @AfterEach
  void validate() {
    tree.validate();
  }

  private Vma add(long from, long to) {
    return add(from, to, FLAGS);
  }

  private Vma add(long from, long to, long flags) {
    Vma vma = tree.allocate(from << 12, to << 12);
    vma.pgoff = from;
    vma.flags = flags;
    tree.insert(vma);
    return vma;
  }

  private MergeRequest newRange(long from, long to, long flags) {
    return merger.request.forNew(
        tree.before(from << 12), tree.find(to << 12), from << 12, to << 12, from, flags);
  }

  private @Nullable Vma mergeNew(long from, long to) {
    return merger.mergeNew(newRange(from, to, FLAGS));
  }

  private Vma fault(Vma vma) {
    assertTrue(AnonVmas.prepare(tree, vma));
    return vma;
  }

  private void modify(Vma vma, long from, long to, long flags) {
    Vma result = merger.modify(vma, from << 12, to << 12, flags, NO_LIMIT);
    Objects.requireNonNull(result).flags = flags | (result.flags & VmFlags.STICKY);
  }

  private String ranges() {
    StringBuilder out = new StringBuilder();
    for (Vma vma = tree.first(); vma != null; vma = tree.next(vma)) {
      out.append(out.isEmpty() ? "" : " ").append(vma.start >> 12).append('-');
      out.append(vma.end >> 12);
      assertEquals(vma.start >> 12, vma.pgoff, "page offset of " + vma);
    }
    return out.toString();
  }

  @Test
  void simpleMerge() {
    add(0, 1);
    add(2, 3);
    assertNotNull(mergeNew(1, 2));
    assertEquals("0-3", ranges());
  }

  @Test
  void simpleModify() {
    Vma vma = add(0, 3);
    modify(vma, 1, 2, FLAGS & ~VmFlags.WRITE);
    assertEquals("0-1 1-2 2-3", ranges());
    assertEquals(FLAGS, Objects.requireNonNull(tree.first()).flags);
    assertEquals(FLAGS & ~VmFlags.WRITE, Objects.requireNonNull(tree.lookup(0x1000)).flags);
    modify(Objects.requireNonNull(tree.lookup(0x1000)), 1, 2, FLAGS);
    assertEquals("0-3", ranges());
  }

  @Test
  void simpleExpand() {
    add(0, 1);
    assertNotNull(mergeNew(1, 3));
    assertEquals("0-3", ranges());
  }

  @Test
  void simpleShrink() {
    Vma vma = add(0, 3);
    tree.setRange(vma, 0, 0x1000);
    assertEquals("0-1", ranges());
  }

  @Test
  void mergeNew() {
    mergeNewWith(0, 0, 0);
  }

  @Test
  void mergeNewWithStickyFlags() {
    for (int bits = 1; bits < 8; bits++) {
      while (tree.first() != null) {
        tree.remove(Objects.requireNonNull(tree.first()));
      }
      long sticky = VmFlags.MAYBE_GUARD;
      mergeNewWith(
          (bits & 1) != 0 ? sticky : 0, (bits & 2) != 0 ? sticky : 0, (bits & 4) != 0 ? sticky : 0);
      assertTrue(Objects.requireNonNull(tree.first()).has(sticky), "sticky bits=" + bits);
    }
  }

  private void mergeNewWith(long first, long second, long third) {
    add(0, 4, FLAGS | first);
    fault(add(7, 10, FLAGS | second));
    assertNull(mergeNew(5, 6), "touches nobody");
    assertNotNull(merger.mergeNew(newRange(4, 5, FLAGS | third)), "with prev");
    assertNotNull(mergeNew(6, 7), "with next");
    assertEquals("0-5 6-10", ranges());
    Vma all = Objects.requireNonNull(mergeNew(5, 6), "with both");
    assertEquals("0-10", ranges());
    assertNotNull(all.anonVma, "anon_vma of next was kept");
  }

  @Test
  void vmaMergeSpecialFlags() {
    for (long special :
        new long[] {VmFlags.IO, VmFlags.DONTEXPAND, VmFlags.PFNMAP, VmFlags.MIXEDMAP}) {
      Vma prev = add(0, 3, FLAGS | special);
      assertNull(merger.mergeNew(newRange(3, 4, FLAGS | special)), "new");
      Vma vma = add(3, 4);
      assertSame(vma, merger.modify(vma, 0x3000, 0x4000, FLAGS | special, NO_LIMIT), "modified");
      tree.remove(vma);
      tree.remove(prev);
    }
  }

  @Test
  void mergeExisting() {
    String[] expected = {"0-3 3-7 7-9", "0-3 3-6 6-9", "0-5 5-7 7-9", "0-7 7-9", "0-9"};
    for (int i = 0; i < expected.length; i++) {
      boolean left = i >= 2;
      boolean right = i == 1 || i == 4;
      add(0, 3, left ? FLAGS : FLAGS | VmFlags.DONTCOPY);
      Vma vma = fault(add(3, 7, FLAGS | VmFlags.DONTDUMP));
      add(7, 9, right ? FLAGS : FLAGS | VmFlags.DONTCOPY);
      modify(vma, i == 1 ? 6 : 3, i == 2 ? 5 : 7, FLAGS);
      assertEquals(expected[i], ranges());
      while (tree.first() != null) {
        tree.remove(Objects.requireNonNull(tree.first()));
      }
    }
  }

  @Test
  void mergeExistingNeverFromTheMiddle() {
    add(0, 3);
    Vma vma = add(3, 8, FLAGS | VmFlags.DONTDUMP);
    add(8, 10);
    modify(vma, 4, 7, FLAGS);
    assertEquals("0-3 3-4 4-7 7-8 8-10", ranges());
  }

  @Test
  void anonVmaNonMergeable() {
    Vma prev = fault(add(0, 3));
    Vma vma = add(3, 7, FLAGS | VmFlags.DONTDUMP);
    Vma next = fault(add(7, 9));
    assertNotSame(prev.anonVma, next.anonVma);
    modify(vma, 3, 7, FLAGS);
    assertEquals("0-7 7-9", ranges());
    assertNotNull(mergeNew(9, 10), "a new one merges with its left neighbour");
  }

  @Test
  void dupAnonVma() {
    Vma prev = add(0, 3);
    AnonVma anon = fault(add(5, 7)).anonVma;
    mergeNew(3, 5);
    assertEquals("0-7", ranges());
    assertSame(anon, prev.anonVma);
    Vma vma = fault(add(9, 10, FLAGS | VmFlags.DONTDUMP));
    AnonVma other = vma.anonVma;
    Vma behind = add(10, 12);
    modify(vma, 9, 10, FLAGS);
    assertEquals("0-7 9-12", ranges());
    assertSame(other, behind.anonVma);
  }

  @Test
  void vmiPreallocFail() {
    Vma prev = add(0, 3);
    Vma vma = fault(add(3, 5, FLAGS | VmFlags.DONTDUMP));
    outOfMemory = true;
    assertNull(merger.modify(vma, 0x3000, 0x5000, FLAGS, NO_LIMIT));
    assertTrue(merger.request.outOfMemory());
    assertNull(prev.anonVma);
    assertEquals("0-3 3-5", ranges());
    assertNull(mergeNew(5, 6));
    outOfMemory = false;
    assertEquals("0-3 3-5", ranges());
  }

  @Test
  void mergeExtend() {
    Vma vma = add(0, 1);
    add(4, 5);
    assertSame(
        vma,
        merger.mergeNew(
            merger.request.forNew(vma, tree.next(vma), 0x1000, 0x4000, 1, FLAGS).like(vma)));
    assertEquals("0-5", ranges());
  }

  @Test
  void expandOnlyMode() {
    Vma prev = add(0, 3);
    add(5, 7);
    assertSame(prev, merger.mergeNew(newRange(3, 5, FLAGS).justExpand()));
    assertEquals("0-5 5-7", ranges());
  }

  @Test
  void splitRespectsTheLimit() {
    Vma vma = add(0, 4);
    assertNull(merger.split(vma, 0x2000, true, 1));
    assertNotNull(merger.split(vma, 0x2000, true, 2));
    assertEquals("0-2 2-4", ranges());
  }

  @Test
  void copyVma() {
    Vma vma = fault(add(3, 5));
    assertNull(
        merger.mergeNew(merger.request.forNew(null, vma, 0, 0x2000, 3, FLAGS).copying(vma)),
        "offsets of a faulted VMA stay, so nothing fits");
    Vma unfaulted = add(10, 12);
    Vma right = add(15, 16);
    assertSame(
        right,
        merger.mergeNew(
            merger.request.forNew(unfaulted, right, 0xd000, 0xf000, 13, FLAGS).copying(unfaulted)));
    assertEquals("3-5 10-12 13-16", ranges());
  }
}
