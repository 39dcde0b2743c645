// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.naive;

import io.mm4j.api.MisuseException;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.MmuStats;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One CPU with a TLB that is a list, and from which others take things out directly. */
public class NaiveMmu implements Mmu {
  /** A translation. */
  protected static final class Cached {
    final long root;
    final int asid;
    final boolean global;
    final int level;
    final long address;
    final long paddr;
    final long rights;
    boolean dirty;

    /** Whose identifier it has. */
    public int asid() {
      return asid;
    }

    /** The level of its leaf. */
    public int level() {
      return level;
    }

    /** Whether it is for the page that begins there. */
    public boolean begins(long start) {
      return start == address;
    }

    /** Whether it outlives a change of the directory. */
    public boolean global() {
      return global;
    }

    Cached(long root, int asid, boolean global, int level, long address, long paddr, long rights) {
      this.root = root;
      this.asid = asid;
      this.global = global;
      this.level = level;
      this.address = address;
      this.paddr = paddr;
      this.rights = rights;
    }
  }

  protected final NaivePageTables tables;
  protected final PageTableFormat format;
  protected final EntryBits bits;
  protected final List<Cached> tlb = new ArrayList<>();
  private final Map<Long, Integer> given = new HashMap<>();
  private final Set<Long> changed = new HashSet<>();
  private long root = PageTables.NO_ROOT;
  private int asid;
  private int last;
  private long hits;
  private long misses;
  private long faults;
  private long switches;
  private long reused;
  private long flushes;
  private long flushed;
  private long fromOthers;

  /** With nothing loaded. */
  public NaiveMmu(NaivePageTables tables) {
    this.tables = tables;
    this.format = tables.format;
    this.bits = format.bits();
  }

  @Override
  public int asids() {
    return format.shape().addressBits() > 32 ? 4096 : 1;
  }

  @Override
  public long root() {
    return root;
  }

  @Override
  public int asid() {
    return asid;
  }

  @Override
  public void switchTo(long next) {
    if (next == PageTables.NO_ROOT) {
      root = next;
      asid = 0;
      return;
    }
    tables.checkRoot(next);
    if (next != root) {
      Integer known = given.get(next);
      int id = asids() == 1 ? 0 : known != null ? known : identifier(last++);
      if (known == null) {
        given.values().removeIf(other -> other == id);
        given.put(next, id);
      }
      boolean unchanged = isUnchanged(next);
      load(next, id, known != null && asids() > 1 && unchanged);
    }
  }

  /** Whether nothing of a root was flushed since it was loaded here; it is about to be. */
  protected boolean isUnchanged(long next) {
    return !changed.remove(next);
  }

  /** A flush of more pages forgets all of a root. */
  protected int ceiling() {
    return 33;
  }

  /** The identifier that is given when so many were given before. */
  protected int identifier(int before) {
    return 1 + before % DYNAMIC_ASIDS;
  }

  @Override
  public void loadDirectory(long next, int id, boolean keep) {
    if (id < 0 || id >= asids() || (keep && asids() == 1)) {
      throw new MisuseException("no such identifier: asid=" + id);
    }
    tables.checkRoot(next);
    load(next, id, keep);
  }

  private void load(long next, int id, boolean keep) {
    root = next;
    asid = id;
    switches++;
    if (keep) {
      reused++;
    } else {
      tlb.removeIf(c -> !survives(c, id));
    }
  }

  /** Whether a translation outlives the loading of a root with this identifier. */
  protected boolean survives(Cached c, int id) {
    return c.global || c.asid != id;
  }

  /** Whether a translation is found by an address. */
  protected boolean matches(Cached c, long address) {
    return (c.global || c.asid == asid) && (address & -format.bytes(c.level)) == c.address;
  }

  @Override
  public long access(long address, int kind) {
    if (root == PageTables.NO_ROOT) {
      throw new MisuseException("no root is loaded");
    }
    long wanted = kind & (WRITE | USER | FETCH);
    for (Cached c : tlb) {
      if (matches(c, address)) {
        if ((c.rights & wanted) == wanted && (c.dirty || (kind & WRITE) == 0)) {
          hits++;
          return c.paddr + (address - c.address);
        }
        tlb.remove(c);
        break;
      }
    }
    misses++;
    long result = walk(address, kind);
    if (result < 0) {
      faults++;
    }
    return result;
  }

  private long fault(int code, int kind) {
    int told = kind & (WRITE | USER | (bits.noExec() != 0 ? FETCH : 0));
    return Long.MIN_VALUE | code | (code == FAULT_CANONICAL ? 0 : told);
  }

  /** The walk of the hardware. */
  private long walk(long address, int kind) {
    if (!format.shape().isCanonical(address)) {
      return fault(FAULT_CANONICAL, kind);
    }
    List<Long> slots = new ArrayList<>();
    long rights = WRITE | USER | FETCH;
    long table = root;
    for (int level = tables.top; ; level--) {
      long slot = tables.slot(table, format.index(level, address));
      long entry = tables.read(slot);
      if (!bits.isMapped(entry)) {
        return fault(0, kind);
      }
      if (level < tables.top || format.entries(level) > 4) {
        slots.add(slot);
        rights &= rights(level, entry);
      }
      if (format.isLeaf(level, entry)) {
        return found(address, kind, level, slots, entry, rights);
      }
      if ((entry & bits.pageSize()) != 0) {
        return fault(FAULT_PROTECTION | 8, kind);
      }
      table = format.tablePfn(entry);
    }
  }

  /** What one entry allows. */
  protected long rights(int level, long entry) {
    return (bits.isWrite(entry) ? WRITE : 0)
        | (bits.isUser(entry) ? USER : 0)
        | (bits.isExec(entry) ? FETCH : 0);
  }

  private long found(long address, int kind, int level, List<Long> slots, long entry, long rights) {
    long wanted = kind & (WRITE | USER | FETCH);
    if ((rights & wanted) != wanted) {
      return fault(FAULT_PROTECTION, kind);
    }
    mark(slots, (kind & WRITE) != 0);
    long start = address & -format.bytes(level);
    Cached c =
        new Cached(
            root, asid, bits.isGlobal(entry), level, start, format.pfn(level, entry) << 12, rights);
    c.dirty = (kind & WRITE) != 0 || (entry & bits.dirty()) != 0;
    tlb.add(c);
    return c.paddr + (address - start);
  }

  /** The bits that the hardware sets; the leaf's is the last slot. */
  protected void mark(List<Long> slots, boolean written) {
    for (long slot : slots) {
      tables.write(slot, tables.read(slot) | bits.accessed());
    }
    if (written) {
      long leaf = slots.getLast();
      tables.write(leaf, tables.read(leaf) | bits.dirty());
    }
  }

  @Override
  public long cached(long address) {
    for (Cached c : tlb) {
      if (root != PageTables.NO_ROOT && matches(c, address)) {
        return c.paddr + (address - c.address);
      }
    }
    return PageTables.NOT_MAPPED;
  }

  /** Another CPU's flush: of a root, or of the kernel's addresses in all of them. */
  protected void forget(long ofRoot, long start, long end) {
    boolean kernel = ofRoot == PageTables.NO_ROOT;
    if (!kernel && ofRoot != root) {
      changed.add(ofRoot);
    }
    boolean all = !kernel && (end - start) >>> 12 > ceiling();
    tlb.removeIf(
        c ->
            (kernel || c.root == ofRoot || c.global) && (all ? !c.global : touches(c, start, end)));
  }

  /** Another CPU has asked for a flush that concerns this one. */
  protected void asked() {
    fromOthers++;
  }

  /** Whether a translation has an address of a span. */
  protected boolean touches(Cached c, long start, long end) {
    long last = c.address + format.bytes(c.level) - 1;
    return Long.compareUnsigned(last, start) >= 0 && Long.compareUnsigned(c.address, end - 1) <= 0;
  }

  /** A root is gone. */
  protected void forgetRoot(long ofRoot) {
    given.remove(ofRoot);
    changed.remove(ofRoot);
    tlb.removeIf(c -> c.root == ofRoot && !c.global);
  }

  private void flush(java.util.function.Predicate<Cached> which) {
    int before = tlb.size();
    tlb.removeIf(which);
    flushes++;
    flushed += before - tlb.size();
  }

  @Override
  public void flushOne(long address) {
    flush(c -> matches(c, address));
  }

  @Override
  public void flushSpan(long start, long end) {
    flush(c -> (c.global || c.asid == asid) && touches(c, start, end));
  }

  @Override
  public void flushAsid(int which) {
    flush(c -> !c.global && c.asid == which);
  }

  @Override
  public void flushAll(boolean global) {
    flush(c -> global || !c.global);
  }

  @Override
  public int size() {
    return tlb.size();
  }

  @Override
  public int stale() {
    return (int) tlb.stream().filter(this::isStale).count();
  }

  private boolean isStale(Cached c) {
    long from = format.kernel().contains(c.address) ? tables.kernel : c.root;
    for (long at = c.address; at < c.address + format.bytes(c.level); at += 4096) {
      long[] rights = {WRITE | USER | FETCH};
      boolean[] dirty = new boolean[1];
      long paddr =
          tables.walk(
              from,
              at,
              (level, pfn, index, entry) -> {
                if (level < tables.top || format.entries(level) > 4) {
                  rights[0] &= rights(level, entry);
                }
                dirty[0] = (entry & bits.dirty()) != 0;
              });
      if (paddr != c.paddr + (at - c.address)
          || (c.rights & ~rights[0]) != 0
          || (c.dirty && !dirty[0])) {
        return true;
      }
    }
    return false;
  }

  @Override
  public long firstStale() {
    return tlb.stream().filter(this::isStale).mapToLong(c -> c.address).findFirst().orElse(0);
  }

  @Override
  public MmuStats stats() {
    return new MmuStats(hits, misses, faults, switches, reused, flushes, flushed, fromOthers, 0);
  }
}
