// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTables;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A TLB without an end: a list of translations as Intel's manual describes them, filled by a walk
 * over the bytes of RAM.
 */
final class TlbModel {
  private static final int RIGHTS = Mmu.WRITE | Mmu.USER | Mmu.FETCH;

  private static final class Line {
    final int asid;
    final boolean global;
    final Leaf leaf;
    boolean dirty;

    Line(int asid, boolean global, Leaf leaf) {
      this.asid = asid;
      this.global = global;
      this.leaf = leaf;
    }
  }

  /** What a walk finds. */
  private record Leaf(
      long start, long bytes, long paddr, int rights, boolean dirty, boolean global) {
    boolean has(long address) {
      return Long.compareUnsigned(address - start, bytes) < 0;
    }
  }

  private final PagingBench b;
  private final List<Line> lines = new ArrayList<>();
  private long root = PageTables.NO_ROOT;
  private int asid;
  long hits;
  long misses;
  long faults;

  TlbModel(PagingBench b) {
    this.b = b;
  }

  void load(long newRoot, int id, boolean keep) {
    root = newRoot;
    asid = id;
    if (!keep) {
      int _ = drop(line -> !line.global && line.asid == id);
    }
  }

  private int drop(Predicate<Line> which) {
    int before = lines.size();
    lines.removeIf(which);
    return before - lines.size();
  }

  private boolean isMine(Line line) {
    return line.global || line.asid == asid;
  }

  private Leaf walk(long address) {
    EntryBits bits = b.format.bits();
    List<Long> path = b.path(root, address);
    int rights = RIGHTS;
    boolean pdpte = b.format.entries(b.format.levels()) == 4;
    for (int i = pdpte ? 1 : 0; i < path.size(); i++) {
      long entry = b.read(path.get(i));
      rights &= (entry & 2) == 0 ? ~Mmu.WRITE : -1;
      rights &= (entry & 4) == 0 ? ~Mmu.USER : -1;
      rights &= (entry & bits.noExec()) != 0 ? ~Mmu.FETCH : -1;
    }
    int level = b.format.levels() - path.size() + 1;
    long bytes = 1L << b.format.shift(level);
    long paddr = b.raw(root, address & -bytes);
    long entry = b.read(path.getLast());
    boolean global = (entry & 0x100) != 0;
    return new Leaf(address & -bytes, bytes, paddr, rights, (entry & 0x40) != 0, global);
  }

  /** What an access gives; fills the TLB. Before the access, which writes to RAM. */
  long access(long address, int kind) {
    int wanted = kind & RIGHTS;
    boolean write = (kind & Mmu.WRITE) != 0;
    for (Line line : lines) {
      if (isMine(line) && line.leaf.has(address)) {
        if ((line.leaf.rights & wanted) == wanted && (line.dirty || !write)) {
          hits++;
          return line.leaf.paddr + (address - line.leaf.start);
        }
        lines.remove(line);
        break;
      }
    }
    misses++;
    Leaf leaf = walk(address);
    int told = b.format.bits().noExec() != 0 ? wanted : wanted & ~Mmu.FETCH;
    boolean mapped = leaf.paddr != PageTables.NOT_MAPPED;
    if (!mapped || (leaf.rights & wanted) != wanted) {
      faults++;
      return Long.MIN_VALUE | told | (mapped ? 1 : 0);
    }
    Line line = new Line(asid, leaf.global, leaf);
    line.dirty = write || leaf.dirty;
    lines.add(line);
    return leaf.paddr + (address - leaf.start);
  }

  long cached(long address) {
    for (Line line : lines) {
      if (isMine(line) && line.leaf.has(address)) {
        return line.leaf.paddr + (address - line.leaf.start);
      }
    }
    return PageTables.NOT_MAPPED;
  }

  int size() {
    return lines.size();
  }

  /** Forgets what touches a span, of this identifier and global; how many. */
  int flushSpan(long start, long end) {
    return drop(line -> isMine(line) && touches(line, start, end));
  }

  /** The same of every identifier. */
  void flushKernel(long start, long end) {
    int _ = drop(line -> touches(line, start, end));
  }

  private static boolean touches(Line line, long start, long end) {
    long last = line.leaf.start + line.leaf.bytes - 1;
    return Long.compareUnsigned(last, start) >= 0
        && Long.compareUnsigned(line.leaf.start, end - 1) <= 0;
  }

  int flushAsid(int which) {
    return drop(line -> !line.global && line.asid == which);
  }

  int flushAll(boolean global) {
    return drop(line -> global || !line.global);
  }

  /** The pages of this identifier that RAM no longer says the same of, by where they begin. */
  List<Long> stale() {
    List<Long> stale = new ArrayList<>();
    for (Line line : lines) {
      if (isMine(line)) {
        Leaf now = walk(line.leaf.start);
        boolean same =
            now.paddr == line.leaf.paddr
                && (line.leaf.rights & ~now.rights) == 0
                && (!line.dirty || now.dirty);
        if (!same) {
          stale.add(line.leaf.start);
        }
      }
    }
    return stale;
  }
}
