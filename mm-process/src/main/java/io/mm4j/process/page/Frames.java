// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The frames that processes have: where they come from, who refers to them.
 *
 * <p>Vocabulary: a <i>folio</i> is a block of the page allocator that is mapped and cached as one,
 * told by its first frame, the <i>head</i>. A page of it is mapped by an entry of its own ({@code
 * mapcount}) or, with all the others, by a huge entry ({@code entireMapcount} of the head).
 *
 * <p>References: each entry that maps a page has one to its folio, a huge entry one for all; a page
 * cache has one for each page. The last one gives the folio back.
 *
 * <p>Rows: an anonymous folio has owner ANON, bit 0 of {@code mapping} set, and PG_SWAPBACKED as
 * long as it may not just be dropped; a cached one has owner FILE, the number of its file in {@code
 * mapping} above bit 0, the page offset of its head in {@code index}, and PG_SWAPBACKED if it is
 * shared memory.
 */
public final class Frames {
  /** No frame: memory is out, or there is none. */
  public static final long NONE = PageAllocator.NO_PAGE;

  private static final int ANON = PageFlags.PG_UPTODATE | PageFlags.PG_ANON_EXCLUSIVE;

  private final PhysicalMemory memory;
  final MemMap map;
  private final PageAllocator allocator;
  final CpuPages pages;
  private final Cpu cpu;
  private final PageTables tables;
  final PageTableFormat format;
  private final List<@Nullable FileObject> files = new ArrayList<>();
  private final AnonTable anonTable = new AnonTable();
  private final PageBytes bytes;
  private final DeferredSplit deferred;
  private final LruMarks lru;

  /** {@code CONFIG_MEM_SOFT_DIRTY}: whether anybody can ask what was written to. */
  private boolean softDirty;

  /** {@code __GFP_ZERO} for pages of processes, if they have bytes ({@link Contents}). */
  private final int zeroed;

  private long freed;
  private long zeroPage = NONE;
  private long hugeZero = NONE;
  private long clockPage = NONE;

  /** Over the floors below; takes no frame. */
  public Frames(PhysicalMemory memory, PageAllocator allocator, Cpu cpu, PageTables tables) {
    this.memory = memory;
    this.map = memory.memMap();
    this.allocator = allocator;
    this.cpu = cpu;
    this.pages = allocator.on(cpu);
    this.tables = tables;
    this.format = tables.format();
    this.bytes = new PageBytes(this, memory);
    this.deferred = new DeferredSplit(this);
    this.lru = new LruMarks(this);
    this.zeroed = memory.contents() == Contents.ALL ? Gfp.__GFP_ZERO : 0;
  }

  /** Whether the kernel tracks what is soft-dirty. */
  public void trackSoftDirty(boolean on) {
    softDirty = on;
  }

  /** Whether the kernel tracks what is soft-dirty. */
  public boolean tracksSoftDirty() {
    return softDirty;
  }

  /** What is in them. */
  public PageBytes bytes() {
    return bytes;
  }

  /** What splits large folios. */
  public DeferredSplit deferred() {
    return deferred;
  }

  /** Who has used them, and how. */
  public LruMarks lru() {
    return lru;
  }

  /** How many frames this floor has given back. */
  long freed() {
    return freed;
  }

  /** Who has each frame. */
  MemMap memMap() {
    return map;
  }

  /** The machine's page tables. */
  PageTables tables() {
    return tables;
  }

  /** What their entries look like. */
  public PageTableFormat format() {
    return format;
  }

  /** On which CPU this floor works. */
  Cpu cpu() {
    return cpu;
  }

  /** {@code flush_tlb_range}: CPUs forget what they know of a range of the tables of a root. */
  public void flush(long root, long start, long end) {
    tables.flushRange(cpu, root, start, end);
  }

  /** Whether there are huge pages: of 2 MiB on x86-64 and PAE; Linux has none of 4 MiB. */
  public boolean hasHugePages() {
    return hugeOrder() == 9;
  }

  /** Log2 of the pages that one page table maps ({@code HPAGE_PMD_ORDER}). */
  public int hugeOrder() {
    return format.order(2);
  }

  // ---------------------------------------------------------------- where they come from

  /**
   * A zeroed anonymous page with one reference, which is the entry's that will map it.
   *
   * @param vma of whose anon_vma it is
   * @param index its place in the mapping, in pages
   */
  public long newAnon(Mapping vma, long index) {
    return anon(PageGfp.USER | zeroed, vma, index);
  }

  /** The same for bytes that the caller has: what is in it is anything. */
  public long newUncleared(Mapping vma, long index) {
    return anon(PageGfp.USER, vma, index);
  }

  private long anon(int gfp, Mapping vma, long index) {
    long pfn = pages.alloc(gfp, 0);
    if (pfn != NONE) {
      map.hold(pfn, 0, FrameOwner.ANON, anonFlags(vma), vma.anonMapping(), index);
    }
    return pfn;
  }

  /** {@code folio_add_new_anon_rmap()}: what may be dropped need not go to swap. */
  private static int anonFlags(Mapping vma) {
    return vma.isDroppable() ? ANON : ANON | PageFlags.PG_SWAPBACKED;
  }

  /** {@code folio_move_anon_rmap()}: a page that is mapped nowhere goes to another place. */
  public void moveAnon(long pfn, Mapping vma, long index) {
    map.setMapping(pfn, vma.anonMapping());
    map.setIndex(pfn, index);
  }

  /** The same with the bytes of another page. */
  public long newCopy(long source, Mapping vma, long index) {
    long head = map.head(source);
    map.get(head); // it stays while memory is looked for
    long pfn = newUncleared(vma, index);
    if (pfn != NONE) {
      bytes.copyPage(pfn, source);
    }
    put(source);
    return pfn;
  }

  /** An anonymous page whose bytes nobody knows. */
  public long newUnknown(Mapping vma, long index) {
    long pfn = newAnon(vma, index);
    if (pfn != NONE) {
      bytes.unknown(pfn, 1);
    }
    return pfn;
  }

  /** Where the anon_vmas of anonymous pages are found. */
  public AnonTable anonTable() {
    return anonTable;
  }

  /**
   * A zeroed anonymous folio of a huge page, with one reference, for a fault ({@code
   * alloc_pages_mpol}): of this node if it costs nothing, else with effort, if that is wanted.
   *
   * @param advised whether the VMA has {@code VM_HUGEPAGE}
   */
  public long newHuge(Mapping vma, long index, boolean advised) {
    int gfp = PageGfp.huge(advised);
    long pfn = huge(gfp | PageGfp.HUGE_NEAR, vma, index);
    return pfn == NONE && advised ? huge(gfp, vma, index) : pfn;
  }

  /** The same for pages that are to be collapsed ({@code alloc_charge_folio}). */
  public long newCollapsed(Mapping vma, long index) {
    return huge(Gfp.GFP_TRANSHUGE, vma, index);
  }

  private long huge(int gfp, Mapping vma, long index) {
    int order = format.order(2);
    long pfn = pages.alloc(gfp, order);
    if (pfn != NONE) {
      clear(pfn, order);
      int flags = anonFlags(vma) | PageFlags.PG_HEAD;
      map.hold(pfn, order, FrameOwner.ANON, flags, vma.anonMapping(), index);
    }
    return pfn;
  }

  /** What Linux clears itself, and not by {@code __GFP_ZERO}. */
  private void clear(long pfn, int order) {
    if (zeroed != 0) {
      bytes.clear(pfn, order);
    }
  }

  /**
   * A folio of the page cache, with one reference for each page.
   *
   * @param zero whether it is known to be full of zeroes
   * @param gfp what to ask the page allocator for
   */
  long newCached(FileObject file, long index, int order, boolean zero, int gfp) {
    long pfn = pages.alloc(gfp, order);
    if (pfn == NONE) {
      return NONE;
    }
    if (zero) {
      clear(pfn, order);
    }
    boolean nobodyKnows = !zero && file.mapped().content() == null;
    int flags =
        (file.isShmem() ? PageFlags.PG_SWAPBACKED : 0)
            | (zero || nobodyKnows ? PageFlags.PG_UPTODATE : 0)
            | (order > 0 ? PageFlags.PG_HEAD : 0)
            | (file.isUnevictable() ? PageFlags.PG_UNEVICTABLE : 0)
            | (file.dirty.has(index) ? PageFlags.PG_DIRTY : 0);
    map.hold(pfn, order, FrameOwner.FILE, flags, (long) number(file) << 1, index);
    for (int i = 1; i < 1 << order; i++) {
      map.get(pfn);
    }
    if (nobodyKnows) {
      bytes.unknown(pfn, 1 << order);
    }
    return pfn;
  }

  private int number(FileObject file) {
    int at = files.indexOf(file);
    if (at < 0) {
      at = files.indexOf(null);
      if (at < 0) {
        at = files.size();
        files.add(file);
      } else {
        files.set(at, file);
      }
    }
    return at + 1;
  }

  /** No page of the file is cached any more. */
  void forget(FileObject file) {
    int at = files.indexOf(file);
    if (at >= 0) {
      files.set(at, null);
    }
  }

  /** Where memory is. */
  List<Node> nodes() {
    return memory.nodes();
  }

  /** {@code node_states[N_MEMORY]}: the nodes that have memory, a bit each; below 64. */
  public long nodeMask() {
    long mask = 0;
    for (Node node : memory.nodes()) {
      mask |= node.id() < Long.SIZE && !node.zones().isEmpty() ? 1L << node.id() : 0;
    }
    return mask;
  }

  /** {@code page_to_nid()}: on which node a frame lies. */
  public int nodeOf(long pfn) {
    return memory.nodeOf(pfn);
  }

  /** {@code alloc_contig_range()} for single frames; false if not all of it can be had. */
  boolean takeRange(long startPfn, long endPfn) {
    return allocator.allocContigRange(cpu, startPfn, endPfn, Gfp.GFP_HIGHUSER);
  }

  /** {@code ZERO_PAGE(0)}, made with its first use; {@link #NONE} if memory is out. */
  public long zeroPage() {
    if (zeroPage == NONE) {
      long made = pages.alloc(Gfp.GFP_KERNEL | Gfp.__GFP_ZERO, 0);
      zeroPage = first(zeroPage, made, 0);
    }
    return zeroPage;
  }

  /** The huge zero page, made with its first use, together with the small one. */
  public long hugeZero() {
    if (hugeZero == NONE && zeroPage() != NONE) {
      int order = format.order(2);
      long made = pages.alloc(PageGfp.HUGE_ZERO, order);
      hugeZero = first(hugeZero, made, order);
    }
    return hugeZero;
  }

  /** The kernel's page with the time, in every vvar; {@link #NONE} if memory is out. */
  public long clockPage() {
    if (clockPage == NONE) {
      long made = pages.alloc(Gfp.GFP_KERNEL | Gfp.__GFP_ZERO, 0);
      clockPage = first(clockPage, made, 0);
    }
    return clockPage;
  }

  /**
   * What was made of a block that all share, unless one was made while memory for it was looked for
   * ({@code cmpxchg} in {@code get_huge_zero_folio}).
   */
  private long first(long before, long made, int order) {
    if (before == NONE) {
      return made;
    }
    if (made != NONE) {
      pages.free(made, order);
    }
    return before;
  }

  /** Gives the zero pages and the time back; nothing may map them. */
  public void close() {
    deferred.close();
    if (clockPage != NONE) {
      pages.free(clockPage, 0);
    }
    if (zeroPage != NONE) {
      pages.free(zeroPage, 0);
    }
    if (hugeZero != NONE) {
      pages.free(hugeZero, format.order(2));
    }
    zeroPage = NONE;
    hugeZero = NONE;
    clockPage = NONE;
  }

  // ---------------------------------------------------------------- who refers to them

  /** One more reference to the folio of a page. */
  void get(long pfn) {
    map.get(map.head(pfn));
  }

  /** A reference less; the last one gives the folio back. */
  public void put(long pfn) {
    long head = map.head(pfn);
    int order = map.order(head);
    if (order > 0 && map.refcount(head) == 1) {
      deferred.forget(head);
    }
    if (!map.drop(head, order)) {
      return;
    }
    bytes.gone(head, 1 << order);
    freed += 1L << order;
    pages.free(head, order);
  }

  /** Entries that map the page come, or go if negative. */
  void addMapcount(long pfn, int change) {
    int _ = map.addMapcount(pfn, change);
    if (change < 0 && map.order(pfn) > 0) {
      deferred.unmapped(pfn);
    }
  }

  /** One entry maps an anonymous page that nothing has mapped before. */
  void mapcountOfNew(long pfn) {
    map.setMapcount(pfn, 1);
  }

  /** Huge entries that map the folio come, or go if negative. */
  void addEntireMapcount(long head, int change) {
    int _ = map.addEntireMapcount(head, change);
  }

  /** How often it is mapped, over all processes: by entries of its own and by huge ones. */
  public int mapCount(long pfn) {
    int count = map.mapcount(pfn);
    return map.order(pfn) == 0 ? count : count + map.entireMapcount(map.head(pfn));
  }

  /** How many references to a folio there must be: those of its entries, and of its cache. */
  public int expectedReferences(long head) {
    int sum = map.entireMapcount(head);
    for (long i = 0; i < 1L << map.order(head); i++) {
      sum += map.mapcount(head + i);
    }
    return sum + (isAnon(head) ? 0 : 1 << map.order(head));
  }

  /** Whether it is the zero page, or a page of the huge one. */
  public boolean isZeroPage(long pfn) {
    return pfn == zeroPage
        || (hugeZero != NONE && pfn >= hugeZero && pfn < hugeZero + (1L << format.order(2)));
  }

  /** Whether it is the page with the time. */
  public boolean isClockPage(long pfn) {
    return pfn == clockPage;
  }

  /** References to its folio. */
  public int references(long pfn) {
    return map.refcount(map.head(pfn));
  }

  /** The place of a page in its mapping, in pages ({@code page_pgoff()}). */
  public long indexOf(long pfn) {
    long head = map.head(pfn);
    return map.index(head) + (pfn - head);
  }

  /** The VMAs that may map a page: those of its anon_vma or of its file; null if there are none. */
  public @Nullable MappingList mappingsOf(long pfn) {
    long mapping = map.mapping(map.head(pfn));
    int number = (int) (mapping >>> 1);
    if ((mapping & 1) != 0) {
      return anonTable.get(number);
    }
    FileObject file = number == 0 ? null : files.get(number - 1);
    return file == null ? null : file.vmas();
  }

  /** The file whose page it is, null for anonymous memory. */
  public @Nullable FileObject fileOf(long pfn) {
    long mapping = map.mapping(map.head(pfn));
    return (mapping & 1) != 0 || mapping == 0 ? null : files.get((int) (mapping >>> 1) - 1);
  }

  /**
   * {@code rmap_walk()}: tells each place where a page is mapped, over all processes. O(VMAs of its
   * mapping).
   *
   * @return how many there are
   */
  public int mappedAt(long pfn, Place place) {
    MappingList list = mappingsOf(pfn);
    long index = indexOf(pfn);
    int found = 0;
    for (int i = 0; list != null && i < list.size(); i++) {
      Mapping vma = list.get(i);
      PageTable table = vma.pageTable();
      if (table == null || index < vma.firstIndex() || index >= vma.pastIndex()) {
        continue;
      }
      long addr = vma.addressOf(index);
      if (table.pageAt(addr) == pfn) {
        found++;
        place.mapped(vma, addr);
      }
    }
    return found;
  }

  /** Receives places where a page is mapped. */
  public interface Place {
    /** One of them. */
    void mapped(Mapping vma, long addr);
  }

  /** Which counter it belongs to. */
  public PageKind kind(long pfn) {
    if (map.owner(pfn) == FrameOwner.ANON) {
      return PageKind.ANON;
    }
    boolean shmem = (map.flags(map.head(pfn)) & PageFlags.PG_SWAPBACKED) != 0;
    return shmem ? PageKind.SHMEM : PageKind.FILE;
  }

  /** {@code folio_mark_dirty()} of a cached page; anonymous memory keeps no such mark here. */
  void markDirty(long pfn) {
    long head = map.head(pfn);
    if (map.owner(head) == FrameOwner.FILE) {
      map.setFlags(head, map.flags(head) | PageFlags.PG_DIRTY);
    }
  }

  /** {@code folio_clear_dirty()}: its bytes are where they belong. */
  void markClean(long pfn) {
    long head = map.head(pfn);
    map.setFlags(head, map.flags(head) & ~PageFlags.PG_DIRTY);
  }

  /** {@code folio_test_dirty()}. */
  public boolean isDirty(long pfn) {
    return (map.flags(map.head(pfn)) & PageFlags.PG_DIRTY) != 0;
  }

  /** Whether it is anonymous memory. */
  public boolean isAnon(long pfn) {
    return map.owner(pfn) == FrameOwner.ANON;
  }

  /** The first frame of its folio. */
  public long head(long pfn) {
    return map.head(pfn);
  }

  /** log2 of the pages of its folio. */
  public int order(long pfn) {
    return map.order(pfn);
  }

  /**
   * {@code split_folio} of anonymous memory that nobody maps any more: each page becomes a folio
   * with one reference, the caller's.
   *
   * @param references all that there are
   */
  public void splitAnon(long head, int references) {
    splitFrozen(head, references, 0);
  }

  /** A cached folio that nobody maps falls into smaller ones. */
  void splitCached(long head, int toOrder) {
    int order = map.order(head);
    bytes.fill(head);
    map.get(head);
    splitFrozen(head, (1 << order) + 1, toOrder);
    for (long p = head; p < head + (1L << order); p += 1L << toOrder) {
      put(p);
    }
  }

  private void splitFrozen(long head, int references, int toOrder) {
    CorruptStateError.check(
        map.freeze(head, references),
        "folio has references=" + map.refcount(head) + " expected=" + references + " pfn=" + head);
    allocator.splitFolio(head, map.order(head), toOrder);
  }
}
