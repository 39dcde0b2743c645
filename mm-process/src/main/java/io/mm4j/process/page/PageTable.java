// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.SwapType;
import io.mm4j.api.pagetable.TableCursor;

/**
 * The page tables of one address space: what is mapped at which address. They lie in frames, and an
 * entry is the architecture's bits; nothing of it is kept here but the sums ({@code rss_stat}).
 *
 * <p>Vocabulary: at an address there is nothing, a <i>guard</i> marker, the <i>zero</i> page (a
 * special entry) or a <i>page</i>, alone or in a huge mapping. A table that is deposited with a
 * huge mapping of anonymous memory makes sure that it can be split without memory.
 *
 * <p>An entry that maps a page holds a reference to its folio and counts in its mapcount. Whoever
 * puts a page in has allocated it and the table before ({@link #makeTable}); what is taken out is
 * given back after the flush. {@link PageRanges} has what works on ranges, {@link HugeEntries} what
 * maps 2 MiB at once.
 */
public final class PageTable {
  /** Nothing is mapped. */
  public static final int NOTHING = 0;

  /** A marker that refuses any access: a guard, or {@link #isPoison}. */
  public static final int GUARD = 1;

  /** A special entry: the shared zero page, small or part of the huge one, or the kernel's time. */
  public static final int ZERO = 2;

  /** A page. */
  public static final int PAGE = 3;

  private static final int REFUSING = SwapType.MARKER_GUARD | SwapType.MARKER_POISONED;

  final Frames frames;
  final PageTables tables;
  final PageTableFormat format;
  final EntryBits bits;
  final Cpu cpu;
  final TableCursor at;

  /** Only for making tables: whoever reclaims meanwhile looks at entries with the other one. */
  private final TableCursor maker;

  /** Whether the maker is at work: who makes tables while it waits for memory has another. */
  private boolean making;

  private final PageRanges ranges;
  private final PageMarks marks;
  private final UffdEntries uffd;
  private final HugeEntries huge;
  private final long hugeBytes;
  private final ResidentCounters rss = new ResidentCounters();
  private long root;

  /** How often tables were freed: where the cursor stands may be none since. */
  private int freedTables;

  // What look() found, and freedTables then.
  private int seen = -1;
  private int level;
  private long entry;
  private long pfn;

  /** A new one, unless there is no frame for it: see {@link #exists}. */
  public PageTable(Frames frames) {
    this.frames = frames;
    this.tables = frames.tables();
    this.format = frames.format();
    this.bits = format.bits();
    this.cpu = frames.cpu();
    this.at = tables.cursor();
    this.maker = tables.cursor();
    this.hugeBytes = format.bytes(2);
    this.root = tables.newRoot(cpu);
    this.ranges = new PageRanges(this);
    this.marks = new PageMarks(this);
    this.uffd = new UffdEntries(this);
    this.huge = new HugeEntries(this);
  }

  /** Whether there was a frame for the top table. */
  public boolean exists() {
    return root != PageTables.NO_ROOT;
  }

  /** The frame of the top table, {@link PageTables#NO_ROOT} when the process has gone. */
  public long root() {
    return root;
  }

  /** What works on ranges. */
  public PageRanges ranges() {
    return ranges;
  }

  /** What entries tell of their use. */
  public PageMarks marks() {
    return marks;
  }

  /** What is write-protected for userfaultfd. */
  public UffdEntries uffd() {
    return uffd;
  }

  /** What maps 2 MiB at once. */
  public HugeEntries huge() {
    return huge;
  }

  /** What these tables map of the pools of huge pages. */
  public HugeMaps hugeMaps(HugePools pools) {
    return new HugeMaps(this, pools);
  }

  /** {@code pgd_free}: all tables go; nothing may be mapped. */
  public void free() {
    if (exists()) {
      tables.flushRoot(cpu, root);
      tables.freeRoot(cpu, root);
      root = PageTables.NO_ROOT;
    }
  }

  /** Bytes that one page table of the lowest level maps. */
  public long hugeBytes() {
    return hugeBytes;
  }

  /** Bytes that an entry of a level covers. */
  public long bytes(int ofLevel) {
    return format.bytes(ofLevel);
  }

  /** Resident pages of one kind. */
  public long rss(PageKind kind) {
    return rss.of(kind);
  }

  /** Resident pages of all kinds. */
  public long rss() {
    return rss.sum();
  }

  /** What counts the resident pages. */
  public ResidentCounters counters() {
    return rss;
  }

  void count(long page, long change) {
    rss.add(frames.kind(page), change);
  }

  /** Page tables below the top one, deposited ones among them ({@code mm_pgtables_bytes}). */
  public long tables() {
    long sum = 0;
    for (int l = 1; exists() && l < format.levels(); l++) {
      sum += tables.tables(root, l);
    }
    return sum;
  }

  // ---------------------------------------------------------------- entries

  /** An entry for a page with a protection of {@link PageTableFormat#userProt}. */
  public long entry(long page, long prot) {
    return format.leaf(1, page, prot);
  }

  /** The same for the zero page and the time, which are nobody's. */
  public long zeroEntry(long zeroPage, long prot) {
    return bits.mkspecial(format.leaf(1, zeroPage, prot));
  }

  /** {@code maybe_mkwrite(pte_mkdirty())}: written to by this process, for which it is. */
  public long written(long of) {
    return bits.mkwrite(bits.mkdirty(of));
  }

  /** What an entry is, at the level where it stands. */
  int classify(int l, long value) {
    if (!format.isLeaf(l, value)) {
      return format.isAbsent(l, value) && (format.absent().markerBits(value) & REFUSING) != 0
          ? GUARD
          : NOTHING;
    }
    return bits.isSpecial(value) ? ZERO : PAGE;
  }

  // ---------------------------------------------------------------- one address

  /** Looks what is at an address; {@link #pfn} and {@link #isHugeEntry} then tell more. */
  public int look(long addr) {
    if (!exists()) {
      return NOTHING;
    }
    level = at.seek(root, addr, 1);
    seen = freedTables;
    return lookHere(addr);
  }

  /**
   * As {@link #look}, for the address of the last one: reads the entry anew, and walks down only if
   * something else was done to these tables meanwhile.
   */
  public int again(long addr) {
    return stands(addr) ? lookHere(addr) : look(addr);
  }

  /** Whether the cursor stands at the entry of level 1 for an address. */
  private boolean stands(long addr) {
    return seen == freedTables
        && exists()
        && at.level() == 1
        && at.address() == (addr & -Pages.PAGE_SIZE);
  }

  /** Notes that tables were freed. */
  void freedTables() {
    freedTables++;
  }

  private int lookHere(long addr) {
    level = at.level();
    entry = at.entry();
    int kind = classify(level, entry);
    if (kind >= ZERO) {
      pfn = format.pfn(level, entry) + ((addr & format.bytes(level) - 1) >>> Pages.PAGE_SHIFT);
    }
    return kind;
  }

  /** The frame that the last {@link #look} found, if it was a page or the zero page. */
  public long pfn() {
    return pfn;
  }

  /** Whether the page directory that the last {@link #look} went through does not exist. */
  public boolean lacksDirectory() {
    return level > 2;
  }

  /** Whether the last {@link #look} found no page table. */
  public boolean lacksTable() {
    return level > 1;
  }

  /** Whether what the last {@link #look} found belongs to a huge mapping. */
  public boolean isHugeEntry() {
    return level > 1 && format.isLeaf(level, entry);
  }

  /** Whether what the last {@link #look} found lets writes through, so that they do not fault. */
  public boolean isWritable() {
    return bits.isWrite(entry);
  }

  /** Whether what the last {@link #look} found is poison, and no guard. */
  public boolean isPoison() {
    return isPoison(level, entry);
  }

  /** Whether poison is at an address. */
  public boolean isPoisonAt(long addr) {
    return look(addr) == GUARD && isPoison();
  }

  /** Whether an entry of a level is poison. */
  boolean isPoison(int ofLevel, long of) {
    return format.isAbsent(ofLevel, of)
        && (format.absent().markerBits(of) & SwapType.MARKER_POISONED) != 0;
  }

  /** Whether writes to what the last {@link #look} found are told to userfaultfd. */
  public boolean isUffdWp() {
    return UffdEntries.isProtected(format, level, entry);
  }

  /** Whether something was written through an entry since it was made, or made clean. */
  public boolean isDirty(long of) {
    return bits.isDirty(of);
  }

  /** Whether something was written through what the last {@link #look} found. */
  public boolean isDirtyHere() {
    return isDirty(entry);
  }

  /** Whether the kernel tracks what is soft-dirty ({@code CONFIG_MEM_SOFT_DIRTY}). */
  public boolean tracksSoftDirty() {
    return frames.tracksSoftDirty();
  }

  /** Whether what the last {@link #look} found was written to since somebody began to watch. */
  public boolean isSoftDirty() {
    return tracksSoftDirty()
        && (format.isLeaf(level, entry)
            ? bits.isSoftDirty(entry)
            : format.absent().isSoftDirty(entry));
  }

  /** The page at an address, {@link Frames#NONE} if there is none; the zero page is none. */
  public long pageAt(long addr) {
    return look(addr) == PAGE ? pfn : Frames.NONE;
  }

  /** Whether a page or the zero page is at an address. */
  public boolean isPresent(long addr) {
    return look(addr) >= ZERO;
  }

  /** Whether a page table or a huge mapping stands for the 2 MiB around an address. */
  public boolean hasTable(long addr) {
    return at.seek(root, addr, 2) == 2 && !format.isNone(at.entry());
  }

  /** Whether the page directory of an address exists ({@code mm_find_pmd}). */
  public boolean hasDirectory(long addr) {
    return at.seek(root, addr, 2) == 2;
  }

  /**
   * {@code pte_alloc}: makes the tables for an address; a huge mapping around it is split.
   *
   * @return false if memory is out
   */
  public boolean makeTable(long addr) {
    huge.split(addr);
    return makeDown(addr, 1);
  }

  /** {@code pmd_alloc}: makes the tables above the lowest one; false if memory is out. */
  public boolean makeDirectory(long addr) {
    return makeDown(addr, 2);
  }

  /** Makes the tables that have an entry of this level for an address; false if memory is out. */
  boolean makeDown(long addr, int lowest) {
    boolean within = making;
    TableCursor cursor = within ? tables.cursor() : maker;
    making = true;
    try {
      return cursor.ensure(cpu, root, addr, Math.min(lowest, format.levels()))
          != TableCursor.NO_MEMORY;
    } finally {
      making = within;
    }
  }

  /**
   * Maps a page, in place of what was there; its table exists, and the reference that the entry
   * holds is the caller's.
   */
  public void map(long addr, long page, long value) {
    frames.addMapcount(page, 1);
    count(page, 1);
    replace(addr, value);
  }

  /**
   * {@code folio_add_new_anon_rmap()}: maps an anonymous page that nobody else can have found yet,
   * so that its mapcount is written, not counted by an atomic step.
   */
  public void mapNew(long addr, long page, long value) {
    frames.mapcountOfNew(page);
    rss.add(PageKind.ANON, 1);
    replace(addr, value);
  }

  /** Maps a cached page: as {@link #map}, with a reference of its own. */
  public void mapCached(long addr, long page, long value) {
    frames.get(page);
    map(addr, page, value);
  }

  /** Maps the zero page or the time, in place of what was there; the table exists. */
  public void mapZero(long addr, long value) {
    replace(addr, value);
  }

  /** Puts an absent entry, in place of what was there; the table exists. */
  void putAbsent(long addr, long value) {
    replace(addr, value);
  }

  /** Puts a guard marker, in place of what was there; the table exists. */
  public void mapGuard(long addr) {
    replace(addr, format.absent().marker(SwapType.MARKER_GUARD));
  }

  /** Takes out what is at an address; a huge mapping goes as a whole. */
  public void unmap(long addr) {
    if (huge.isAt(addr)) {
      huge.clear(addr);
    } else if (look(addr) != NOTHING) {
      replace(addr, PageTableFormat.EMPTY);
    }
  }

  /**
   * Takes out what is at an address because a file has it no longer: what userfaultfd protects
   * stays so, by a marker ({@code zap_install_uffd_wp_if_needed}).
   */
  public void unmapOfFile(long addr) {
    boolean marked = look(addr) >= ZERO && isUffdWp();
    unmap(addr);
    rss.tell();
    if (marked) {
      boolean _ = uffd.mark(addr); // without memory for its table the mark is lost
    }
  }

  /**
   * Takes the entry of a page out and leaves its reference with the caller: its page is being split
   * or moved.
   */
  public long takeOut(long addr) {
    int _ = at.seek(root, addr, 1);
    long old = at.getAndClear();
    tables.flushRange(cpu, root, addr, addr + Pages.PAGE_SIZE);
    frames.addMapcount(format.pfn(1, old), -1);
    count(format.pfn(1, old), -1);
    return old;
  }

  /** The same page is in another frame now: the entry says so, and is otherwise what it was. */
  void changeFrame(long addr, long to) {
    int _ = at.seek(root, addr, 1);
    at.set(format.leaf(1, to, format.prot(1, at.entry())));
    tables.flushRange(cpu, root, addr, addr + Pages.PAGE_SIZE);
  }

  private void replace(long addr, long value) {
    if (!stands(addr) && at.seek(root, addr, 1) != 1) {
      throw new IllegalStateException("no page table at addr=0x" + Long.toHexString(addr));
    }
    long old = at.entry();
    at.set(value);
    if (classify(1, old) >= ZERO) {
      tables.flushRange(cpu, root, addr, addr + Pages.PAGE_SIZE);
    }
    if (classify(1, old) == PAGE) {
      long page = format.pfn(1, old);
      frames.addMapcount(page, -1);
      count(page, -1);
      frames.put(page);
    }
  }

  /** Changes only bits of the entry that {@link #look} found: used, written, allowed. */
  public void setBits(boolean young, boolean written) {
    long now = young ? bits.mkyoung(entry) : entry;
    now = written ? written(now) : now;
    if (now != entry) {
      at.set(now);
      entry = now;
    }
  }

  /**
   * The hardware's part of an access that is allowed: accessed, and for a write through an entry
   * that lets it through, dirty.
   */
  public void accessed(boolean write) {
    long now = bits.mkyoung(entry);
    if (write && bits.isWrite(entry)) {
      now = bits.mkdirty(now);
    }
    if (now != entry) {
      at.set(now);
      entry = now;
    }
  }

  /**
   * Checks that nothing is counted of an address space that has gone.
   *
   * @throws CorruptStateError if something is
   */
  public void validateSums() {
    CorruptStateError.check(
        exists() || rss() == 0, "the process has gone: rss=" + rss() + " tables=" + tables());
  }
}
