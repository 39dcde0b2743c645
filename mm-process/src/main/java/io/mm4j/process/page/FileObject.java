// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The page cache of one file ({@code address_space} of an inode). Pages of files on a file system
 * are all in the cache from the start; those of a shared-memory object appear when first touched.
 *
 * <p>Vocabulary: a <i>folio</i> is a naturally aligned power of two of pages that the cache holds
 * as one; it is dirty or clean, and split, as a whole. A <i>hole</i> is what MADV_REMOVE leaves.
 *
 * <p>A file whose content is known was written at once, or in pieces of {@link
 * MappedFile#writtenBytes}, and a write makes folios as large as what remains of it allows, up to 2
 * MiB; pages of other files are taken as single. {@link FileChange} has what changes a file later.
 */
public final class FileObject {
  /** Told which pages of the file are to be unmapped everywhere. */
  public interface Unmapping {
    /** Pages from {@code firstIndex} on, {@code pastIndex} excluded. */
    void unmap(long firstIndex, long pastIndex);
  }

  static final int MOST_ORDER = 9;

  private static final int PAGE_BYTES = 4096;

  /** Pages behind this many are single, always in the cache, and cannot be taken out. */
  static final long MOST_PAGES = 1L << 26;

  private final MappedFile mapped;
  final Frames frames;
  final FrameMap pages = new FrameMap();
  final BitSet absent = new BitSet();
  final BitSet zeroed = new BitSet();
  final BitSet single = new BitSet();
  final BitSet dirty = new BitSet();
  final BitSet readAhead = new BitSet();

  /**
   * Pages that are in the cache and not up to date: as if absent, but they are read alone. Those of
   * shared memory were allocated by fallocate and have a frame already.
   */
  final BitSet stale = new BitSet();

  /** Of pages that are in another folio than the first write made, the order of that. */
  final Map<Long, Integer> splitOrders = new HashMap<>();

  /** What left the cache and is not as the file was at first. */
  final DiskBytes disk = new DiskBytes(this);

  private final CacheEviction eviction = new CacheEviction(this);
  private final FileChange change = new FileChange(this);

  private final MappingList vmas = new MappingList();
  private @Nullable Runnable whenUnmapped;

  /** Every page is mapped once more by somebody who is not here. */
  private boolean mappedElsewhere;

  private @Nullable Watcher segment;

  /** {@code FMODE_NOREUSE}: opens of it whose accesses do not tell what is used. */
  private final Set<OpenFile> notReused = new HashSet<>();

  /** What it has its blocks of, null where its file system has no size. */
  @Nullable TmpfsBlocks blocks;

  /** What it has its huge pages of, null where its file system has no size. */
  @Nullable HugeSubpool subpool;

  /** {@code i_size}. */
  long sizeBytes;

  /** Pages from here on are zero and not in the cache until they have a frame. */
  long holesFrom;

  /** Who hears of each mapping, with the process that makes the call ({@code vm_ops}). */
  public interface Watcher {
    /** A VMA shows the file; it is counted already. */
    void mapped(int pid);

    /** A VMA shows it no more; it is not counted any more. */
    void unmapped(int pid);

    /** Whether it was removed, and has gone with its last mapping: nobody can map it again. */
    boolean isGone();
  }

  /** An empty cache. */
  public FileObject(Frames frames, MappedFile mapped) {
    this.frames = frames;
    this.mapped = mapped;
    this.sizeBytes = mapped.sizeBytes();
    this.holesFrom = mapped.isSparse() ? 0 : Long.MAX_VALUE;
  }

  /** What changes its size and its bytes, other than mappings. */
  public FileChange change() {
    return change;
  }

  /** What takes its clean pages out of memory. */
  public CacheEviction eviction() {
    return eviction;
  }

  /** Its size now. */
  public long sizeBytes() {
    return sizeBytes;
  }

  /** Runs this when the last VMA that shows the file has gone: no name holds it. */
  public void whenUnmapped(Runnable action) {
    whenUnmapped = action;
  }

  /** Whether {@link #whenUnmapped} was called. */
  public boolean goesUnmapped() {
    return whenUnmapped != null;
  }

  /** A VMA shows it ({@code get_file} in {@code vm_area_dup} and {@code __mmap_new_vma}). */
  public void get(Mapping vma, int pid) {
    vmas.add(vma);
    if (segment != null) {
      segment.mapped(pid);
    }
  }

  /** A VMA shows it no more ({@code fput}). */
  public void put(Mapping vma, int pid) {
    vmas.remove(vma);
    if (segment != null) {
      segment.unmapped(pid);
    }
    if (vmas.size() == 0 && whenUnmapped != null) {
      whenUnmapped.run();
    }
  }

  /** The VMAs that show it ({@code i_mmap}). */
  public MappingList vmas() {
    return vmas;
  }

  /** How often each page is mapped by somebody outside of the simulation. */
  public int mappedElsewhere() {
    return mappedElsewhere ? 1 : 0;
  }

  /** The file. */
  public MappedFile mapped() {
    return mapped;
  }

  /** Log2 of the pages in the folio that holds this page. */
  public int folioOrder(long index) {
    if (isShmem()) { // single pages, but for what MADV_COLLAPSE has made
      long pfn = pages.get(index);
      return pfn == Frames.NONE ? 0 : frames.order(pfn);
    }
    if (!hasFolios(index) || single.get((int) index)) {
      return 0;
    }
    Integer split = splitOrders.isEmpty() ? null : splitOrders.get(index);
    return split != null ? split : index >= holesFrom ? 0 : writtenOrder(index);
  }

  boolean hasFolios(long index) {
    return mapped.content() != null
        && !isShmem()
        && index < MOST_PAGES
        && (!beyondEnd(index) || pages.get(index) != Frames.NONE);
  }

  /** The folio that the write of the whole file, or of a piece of it, made. */
  private int writtenOrder(long index) {
    long piece = mapped.writtenBytes();
    long from = piece == 0 ? 0 : (index << 12) / piece * piece;
    long bytes = piece == 0 ? mapped.sizeBytes() : Math.min(mapped.sizeBytes(), from + piece);
    long at = Math.max((from + 4095) >>> 12, (index >>> MOST_ORDER) << MOST_ORDER);
    if (index < at) {
      return 0; // a page that two pieces wrote
    }
    while (true) {
      int order = orderFor(at, bytes - (at << 12));
      if (index < at + (1L << order)) {
        return order;
      }
      at += 1L << order;
    }
  }

  /**
   * {@code fgf_set_order} and {@code __filemap_get_folio}: the folio that a write of so many bytes
   * makes at a page.
   */
  static int orderFor(long at, long bytes) {
    int order = bytes < 8192 ? 0 : Math.min(MOST_ORDER, 51 - Long.numberOfLeadingZeros(bytes));
    while ((at & ((1L << order) - 1)) != 0) {
      order--;
    }
    return order;
  }

  /** The first page of the folio that holds this page. */
  public long folioStart(long index) {
    return index & -(1L << folioOrder(index));
  }

  /** The page behind the folio that holds this page. */
  public long folioEnd(long index) {
    return folioStart(index) + (1L << folioOrder(index));
  }

  /** Pages that the file has, the last perhaps in part. */
  public long pageCount() {
    return (sizeBytes + 4095) >>> 12;
  }

  /**
   * Whether a fault around this folio may map more than its window, and make a page table ({@code
   * can_map_large} in {@code filemap_map_pages}): the folio ends before the last page of the file.
   */
  public boolean mapsLarge(long index) {
    return isShmem() || folioEnd(index) <= pageCount() - 1;
  }

  /**
   * {@code split_folio}: the folio that holds this page falls into single pages, unless it is
   * dirty: then its buffers cannot be released.
   */
  public boolean splitFolio(long index, Unmapping unmapping) {
    boolean has = isShmem() ? folioOrder(index) > 0 : hasFolios(index);
    if (!has || isDirty(index)) {
      return false;
    }
    long first = folioStart(index);
    long past = folioEnd(index);
    unmapping.unmap(first, past);
    long head = pages.get(first);
    if (head != Frames.NONE && frames.order(head) > 0) {
      frames.markClean(head);
      frames.splitCached(head, 0);
    }
    if (!isShmem()) {
      single.set((int) first, (int) past);
    }
    return true;
  }

  /**
   * {@code folio_split} down to one page: the half that does not hold the page stays a folio, the
   * other is halved again.
   */
  void splitAt(long index, Unmapping unmapping) {
    int order = folioOrder(index);
    long whole = folioStart(index);
    long past = folioEnd(index);
    long first = whole;
    unmapping.unmap(first, past);
    if (pages.get(first) != Frames.NONE) {
      frames.markClean(pages.get(first)); // try_to_free_buffers: no block of it is dirty
    }
    while (order > 0) {
      order--;
      long head = pages.get(first);
      if (head != Frames.NONE && frames.order(head) > order) {
        frames.splitCached(head, order);
      }
      long half = 1L << order;
      long other = index < first + half ? first + half : first;
      for (long i = other; i < other + half && !isShmem(); i++) {
        splitOrders.put(i, order);
      }
      first = other == first ? first + half : first;
    }
    if (!isShmem()) {
      single.set((int) index);
    }
    dropBehindEnd(whole, past);
  }

  /** Behind the largest folio that the last page of the file can be in. */
  private long pastLastFolio() {
    return (Math.max(0, pageCount() - 1) | (1L << MOST_ORDER) - 1) + 1;
  }

  /**
   * {@code __folio_split}: new folios that lie behind the end of the file leave the cache; the one
   * that begins where the old one began stays.
   */
  private void dropBehindEnd(long head, long past) {
    for (long i = Math.max(head, pageCount()); i < past; i++) {
      long folio = folioStart(i);
      long pfn = folio < pageCount() || folio == head ? Frames.NONE : pages.remove(i);
      if (pfn != Frames.NONE) {
        splitOrders.remove(i);
        frames.put(pfn);
      }
    }
  }

  /**
   * A call wrote to this page: its block is dirty, and no other of its folio. It lies behind the
   * end of the file where a write began that could copy nothing.
   */
  void markBlockDirty(long index) {
    long pfn = pages.get(index);
    if (pfn != Frames.NONE) {
      frames.markDirty(pfn);
    }
    if (!isShmem() && index < MOST_PAGES) {
      dirty.set((int) index);
    }
  }

  /** Whether a block of the folio that holds this page is dirty: its buffers cannot be released. */
  boolean isDirty(long index) {
    if (index >= MOST_PAGES) {
      return false;
    }
    int next = dirty.nextSetBit((int) folioStart(index));
    return next >= 0 && next < folioEnd(index);
  }

  /** A shared mapping wrote to this page: all blocks of its folio are dirty. */
  public void markDirty(long index) {
    long pfn = pages.get(index);
    if (pfn != Frames.NONE && !beyondEnd(index)) {
      frames.markDirty(pfn);
    }
    if (!isShmem() && !beyondEnd(index) && index < MOST_PAGES) {
      dirty.set((int) folioStart(index), (int) folioEnd(index));
    }
  }

  /**
   * Every folio that has a page of the range was written back. What lies behind the end of the file
   * in its last page becomes zero when that is written out ({@code ext4_bio_write_folio}).
   */
  public void writeBack(long firstIndex, long pastIndex) {
    long past = Math.min(pastIndex, MOST_PAGES);
    if (firstIndex < past && !dirty.isEmpty()) {
      long last = sizeBytes >>> 12;
      if ((sizeBytes & 4095) != 0
          && last >= folioStart(firstIndex)
          && last < folioEnd(past - 1)
          && isDirty(last)) {
        change.zeroTail(sizeBytes);
      }
      for (long i = dirty.nextSetBit((int) folioStart(firstIndex));
          i >= 0 && i < folioEnd(past - 1);
          i = dirty.nextSetBit((int) folioEnd(i))) {
        long pfn = pages.get(i);
        if (pfn != Frames.NONE) {
          frames.markClean(pfn);
          writesFaultAgain(i);
        }
      }
      disk.allocate(dirty, folioStart(firstIndex), folioEnd(past - 1));
      dirty.clear((int) folioStart(firstIndex), (int) folioEnd(past - 1));
    }
  }

  /** {@code folio_mkclean()}: the next write through any entry of the folio says so again. */
  private void writesFaultAgain(long index) {
    for (long i = folioStart(index); i < folioEnd(index); i++) {
      long page = pages.get(i);
      if (page != Frames.NONE && frames.mapCount(page) > 0) {
        int _ =
            frames.mappedAt(
                page,
                (vma, addr) -> {
                  PageTable table = vma.pageTable();
                  if (table != null) {
                    table.ranges().mkclean(addr);
                  }
                });
      }
    }
  }

  /** It is a System V segment. */
  public void segment(Watcher watcher) {
    segment = watcher;
  }

  /** Whether {@link #segment} was called. */
  public boolean isSegment() {
    return segment != null;
  }

  /** Whether it is a System V segment that is no more. */
  public boolean isGoneSegment() {
    return segment != null && segment.isGone();
  }

  /** Whether its pages count as shared memory. */
  public boolean isShmem() {
    return mapped.kind() == MappedFile.Kind.SHMEM || mapped.kind() == MappedFile.Kind.TMPFS;
  }

  /** Whether it is what {@code memfd_secret} made ({@code vma_is_secretmem}). */
  public boolean isSecret() {
    return mapped.kind() == MappedFile.Kind.SECRET;
  }

  /** Whether this page offset lies behind the end of the file. */
  public boolean beyondEnd(long index) {
    return Long.compareUnsigned(index, pageCount()) >= 0;
  }

  /** {@code POSIX_FADV_NOREUSE}, or that it holds no more. */
  public void notReused(OpenFile open, boolean on) {
    boolean _ = on ? notReused.add(open) : notReused.remove(open);
  }

  /** Whether an open of it has {@code FMODE_NOREUSE}. */
  public boolean isNotReused(OpenFile open) {
    return notReused.contains(open);
  }

  /** {@code shmem_inode_acct_blocks}: whether a page would be new, and no block is left for it. */
  public boolean lacksRoom(long index) {
    return blocks != null && pages.get(index) == Frames.NONE && !blocks.hasRoom(1);
  }

  /** How many pages the files of its file system can have together. */
  public long mostBlocks() {
    return blocks == null ? Long.MAX_VALUE : blocks.most();
  }

  /** {@code nrpages} of shared memory: pages that have a frame. */
  public long frames() {
    return pages.size();
  }

  /** Whether the page is in the cache. */
  public boolean isCached(long index) {
    if (isStale(index)) {
      return false;
    }
    if (index >= holesFrom || beyondEnd(index)) {
      return pages.get(index) != Frames.NONE;
    }
    return index >= MOST_PAGES || !absent.get((int) index);
  }

  /** How far from this page on pages are in the cache, or not in it, as this one is. */
  public long sameResidency(long index, long past) {
    boolean cached = isCached(index);
    if (isStale(index)) {
      return index + 1;
    }
    if (beyondEnd(index)) { // what a write left there that could copy nothing
      return cached || pages.size() == 0 ? index + 1 : pages.nextAbove(index, past);
    }
    long end = Math.min(past, pageCount());
    if (index < holesFrom) {
      end = Math.min(end, holesFrom);
    } else {
      long to = index + 1;
      if (!cached && end - index > pages.size()) {
        return pages.nextAbove(index, end);
      }
      while (to < end && isCached(to) == cached) {
        to++;
      }
      return to;
    }
    if (index >= MOST_PAGES) {
      return end;
    }
    int next = cached ? absent.nextSetBit((int) index) : absent.nextClearBit((int) index);
    end = next < 0 ? end : Math.min(end, next);
    int other = cached ? stale.nextSetBit((int) index) : -1;
    return other < 0 ? end : Math.min(end, other);
  }

  /**
   * The next page from here on that a fault may map beside its own ({@code next_uptodate_folio}),
   * {@code past} if there is none: in the cache, and no mark of read-ahead.
   */
  public long nextMappable(long index, long past) {
    long to = Math.min(past, pageCount());
    for (long i = index; i < to; i++) {
      if (isCached(i) && (i >= MOST_PAGES || !isMarked(i))) {
        return i;
      }
    }
    return past;
  }

  /**
   * The frame of a page; read in or made new when it is not in the cache, with all of its folio.
   *
   * @return {@link Frames#NONE} if memory is out
   */
  public long page(long index) {
    long pfn = pages.get(index);
    if (pfn == Frames.NONE) {
      pfn = take(index);
    }
    if (pfn != Frames.NONE && index < MOST_PAGES) {
      absent.clear((int) index);
      stale.clear((int) index);
    }
    return pfn;
  }

  /** Whether the page is in the cache and not up to date. */
  public boolean isStale(long index) {
    return index >= 0 && index < MOST_PAGES && stale.get((int) index);
  }

  /** Whether something is in the cache there: no other folio can be. */
  boolean isThere(long index) {
    return isStale(index) || isCached(index);
  }

  /** Whether something is in the cache in a range. */
  boolean isAnyThere(long firstIndex, long pastIndex) {
    long past = Math.min(pastIndex, pageCount());
    for (long i = firstIndex; i < past; i = sameResidency(i, past)) {
      if (isThere(i)) {
        return true;
      }
    }
    return pages.nextAbove(Math.max(firstIndex, past) - 1, pastIndex) < pastIndex;
  }

  /** {@code filemap_add_folio}; pages are single where no larger block is free. */
  private long take(long index) {
    return take(index, folioOrder(index));
  }

  long take(long index, int wanted) {
    int order = wanted;
    long first = index & -(1L << order);
    boolean zero = isHole(first, order);
    long head = frames.newCached(this, first, order, zero);
    if (head == Frames.NONE && order > 0) {
      single.set((int) first, (int) (first + (1L << order)));
      first = index;
      order = 0;
      zero = isHole(index);
      head = frames.newCached(this, index, 0, zero);
    }
    if (head == Frames.NONE) {
      return Frames.NONE;
    }
    if (hasFrames(first, order)) {
      return cameMeanwhile(index, head, order);
    }
    for (long i = 0; i < 1L << order; i++) {
      pages.put(first + i, head + i);
      if (!zero && isHole(first + i)) {
        frames.bytes().zero(head + i, 0, PAGE_BYTES);
      }
      disk.read(first + i, head + i);
    }
    return head + (index - first);
  }

  private boolean hasFrames(long first, int order) {
    long i = 0;
    while (i < 1L << order && pages.get(first + i) == Frames.NONE) {
      i++;
    }
    return i < 1L << order;
  }

  /** {@code -EEXIST} of {@code filemap_add_folio}: the new folio goes, and what is there counts. */
  private long cameMeanwhile(long index, long head, int order) {
    for (long i = 0; i < 1L << order; i++) {
      frames.put(head + i);
    }
    long pfn = pages.get(index);
    if (pfn != Frames.NONE) {
      return pfn;
    }
    single.set((int) index); // others of its folio are there without it
    return take(index, 0);
  }

  /** The frame if the page has one, else {@link Frames#NONE}: then it is mapped nowhere. */
  public long known(long index) {
    return pages.get(index);
  }

  /**
   * Gives every page a frame that somebody outside of the simulation maps too, as every process
   * maps the vdso.
   */
  public void mapElsewhere() {
    mappedElsewhere = true;
    for (long i = 0; i < pageCount(); i++) {
      long pfn = page(i);
      if (pfn != Frames.NONE) {
        frames.addMapcount(pfn, 1);
      }
    }
  }

  /** Gives all frames back ({@code truncate_inode_pages_final}); nothing may map them. */
  public void release() {
    pages.forEach(
        (index, pfn) -> {
          if (mappedElsewhere) {
            frames.addMapcount(pfn, -1);
          }
          frames.put(pfn);
        });
    pages.clear();
    frames.forget(this);
  }

  /**
   * {@code page_cache_ra_unbounded}: reads what of these pages is not in the cache, as single ones.
   *
   * @param mark the page that gets the mark of read-ahead if it is among those that are read
   */
  void readPages(long index, long count, long mark) {
    long past = Math.min(pageCount(), index + count);
    for (long i = index; i < past; i++) {
      if (isThere(i)) {
        continue;
      }
      if (i == mark && i < MOST_PAGES) {
        readAhead.set((int) i);
      }
      long _ = page(i);
    }
  }

  /** {@code ra_alloc_folio}: reads pages that are not in the cache as one folio. */
  void readFolio(long index, int order, boolean marked) {
    if (order == 0 || index >= MOST_PAGES || mapped.content() == null) {
      readPages(index, 1, marked ? index : Long.MAX_VALUE);
      return;
    }
    for (long i = index; i < index + (1L << order); i++) {
      single.clear((int) i);
      absent.clear((int) i);
      splitOrders.put(i, order);
    }
    if (marked) {
      readAhead.set((int) index);
    }
    long _ = take(index, order);
  }

  /** Whether no page of this folio is in the cache. */
  boolean isFree(long first, int order) {
    for (long i = first; i < first + (1L << order); i++) {
      if (isThere(i)) {
        return false;
      }
    }
    return true;
  }

  /** Whether all pages of this folio are. */
  private boolean isHole(long first, int order) {
    long past = first + (1L << order);
    long i = first;
    while (i < past && isHole(i)) {
      i++;
    }
    return i == past;
  }

  /** Whether the disk has a block of the folio that holds this page. */
  public boolean comesFromDisk(long index) {
    return !isShmem() && !isHole(folioStart(index), folioOrder(index));
  }

  boolean isHole(long index) {
    boolean hole = index >= holesFrom || (index < MOST_PAGES && zeroed.get((int) index));
    return hole && !disk.has(index);
  }

  /** Whether the folio of this page has the mark of read-ahead. */
  public boolean isMarked(long index) {
    return index < MOST_PAGES && readAhead.get((int) folioStart(index));
  }

  /** A fault of this very page found it in the cache: a mark of read-ahead has done its work. */
  public void faulted(long index) {
    if (index < MOST_PAGES) {
      readAhead.clear((int) folioStart(index));
    }
  }

  /**
   * {@code truncate_pagecache_range}: takes pages out of the file. A folio that lies in the range
   * only in part is split first, or, if it is dirty elsewhere, stays with zeroes.
   */
  public void punch(long firstIndex, long pastIndex, Unmapping unmapping) {
    punchBytes(firstIndex << 12, pastIndex << 12, unmapping);
  }

  /**
   * The same of bytes: pages that are only in part in the range become zero there. A range that
   * ends within the first page has its last whole page before the file, which is unsigned and so
   * behind everything: all pages behind its start are unmapped.
   */
  public void punchBytes(long from, long to, Unmapping unmapping) {
    long firstIndex = (from + 4095) >>> 12;
    long pastIndex = to >>> 12;
    if (pastIndex == 0) {
      unmapping.unmap(firstIndex, Long.MAX_VALUE >>> 12);
    }
    if (isShmem() && firstIndex < holesFrom && pastIndex > holesFrom) {
      punchBytes(from, holesFrom << 12, unmapping);
      punchBytes(holesFrom << 12, to, unmapping);
      return;
    }
    if (firstIndex >= holesFrom && isShmem()) {
      boolean _ = splitBorders(from >>> 12, from, to, unmapping);
      boolean _ = splitBorders((to - 1) >>> 12, from, to, unmapping);
      change.zeroPartial(from, to);
      unmapping.unmap(firstIndex, pastIndex);
      takeOut(firstIndex, pastIndex);
      int first = (int) Math.min(firstIndex, MOST_PAGES);
      stale.clear(first, Math.max(first, (int) Math.min(pastIndex, MOST_PAGES)));
      return;
    }
    long end = Math.min(to, Math.min(pastLastFolio(), MOST_PAGES) << 12);
    if (from >= end) {
      return;
    }
    long past = end >>> 12;
    if (firstIndex < past) {
      unmapping.unmap(firstIndex, past);
      dirty.clear((int) firstIndex, (int) past);
    }
    if (!splitBorders(from >>> 12, from, end, unmapping)) {
      long behind = folioEnd(from >>> 12);
      change.zeroKept(from, Math.min(end, behind << 12));
      firstIndex = Math.max(firstIndex, behind);
    }
    if (firstIndex << 12 < end && !splitBorders((end - 1) >>> 12, from, end, unmapping)) {
      past = Math.min(past, folioStart((end - 1) >>> 12));
      change.zeroKept(past << 12, end);
    }
    change.zeroPartial(from, end);
    if (firstIndex >= past) {
      return;
    }
    takeOut(firstIndex, past);
    disk.forget(firstIndex, past);
    zeroed.set((int) firstIndex, (int) past);
    absent.set((int) firstIndex, (int) past);
    single.set((int) firstIndex, (int) past);
    readAhead.clear((int) firstIndex, (int) past);
    stale.clear((int) firstIndex, (int) past);
  }

  /**
   * {@code truncate_inode_partial_folio} on the folio of a page of the range. False if a dirty
   * block of it that is not in the range keeps it whole; then it is mapped no more.
   */
  private boolean splitBorders(long index, long from, long to, Unmapping unmapping) {
    long start = folioStart(index);
    long end = folioEnd(index);
    if (!isCached(index) || folioOrder(index) == 0 || (start << 12 >= from && end << 12 <= to)) {
      return true;
    }
    if (isDirty(index)) {
      unmapping.unmap(start, end);
      return false;
    }
    splitAt(Math.max(start, from >>> 12), unmapping);
    if (end << 12 > to && folioOrder(to >>> 12) > 0) {
      splitAt(to >>> 12, unmapping);
    }
    return true;
  }

  /** {@code page_cache_delete}: pages leave the cache; nothing maps them. */
  void takeOut(long firstIndex, long pastIndex) {
    boolean dense = pastIndex - firstIndex <= 4L * pages.size();
    long i = dense ? firstIndex : pages.nextAbove(firstIndex - 1, pastIndex);
    while (i < pastIndex) {
      long pfn = pages.remove(i);
      if (pfn != Frames.NONE) {
        frames.put(pfn);
      }
      i = dense ? i + 1 : pages.nextAbove(i, pastIndex);
    }
  }
}
