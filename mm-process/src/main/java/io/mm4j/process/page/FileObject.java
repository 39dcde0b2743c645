// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The page cache of one file ({@code address_space} of an inode). Pages of files on a file system
 * are all in the cache from the start; those of a shared-memory object appear when first touched.
 *
 * <p>What is here is which pages are in the cache, their frames, and who shows the file. {@link
 * Folios} knows which pages belong together, {@link DirtyPages} what is to be written out, {@link
 * Holes} what the disk has not, and {@link FileChange} what changes a file later.
 *
 * <p>Vocabulary: a <i>folio</i> is a naturally aligned power of two of pages that the cache holds
 * as one; it is dirty or clean, and split, as a whole. A <i>hole</i> is what MADV_REMOVE leaves.
 *
 * <p>A file whose content is known was written at once, or in pieces of {@link
 * MappedFile#writtenBytes}, and a write makes folios as large as what remains of it allows, up to 2
 * MiB; pages of other files are taken as single.
 */
public final class FileObject {
  /** Told which pages of the file are to be unmapped everywhere. */
  public interface Unmapping {
    /** Pages from {@code firstIndex} on, {@code pastIndex} excluded. */
    void unmap(long firstIndex, long pastIndex);
  }

  private static final int PAGE_BYTES = 4096;

  /** Pages behind this many are single, always in the cache, and cannot be taken out. */
  static final long MOST_PAGES = 1L << 26;

  private final MappedFile mapped;
  final Frames frames;
  final FrameMap pages = new FrameMap();
  final BitSet absent = new BitSet();
  final BitSet readAhead = new BitSet();

  /**
   * Pages that are in the cache and not up to date: as if absent, but they are read alone. Those of
   * shared memory were allocated by fallocate and have a frame already.
   */
  final BitSet stale = new BitSet();

  /** Pages of such folios whose block was written to, or was read since a write covers a part. */
  final BitSet filled = new BitSet();

  final Folios folios = new Folios(this);
  final DirtyPages dirty = new DirtyPages(this);
  final Holes holes = new Holes(this);

  /** What left the cache and is not as the file was at first. */
  final DiskBytes disk = new DiskBytes(this);

  private final CacheEviction eviction = new CacheEviction(this);
  private final FileChange change = new FileChange(this);

  private final MappingList vmas = new MappingList();
  private @Nullable Runnable whenUnmapped;

  /** Every page is mapped once more by somebody who is not here. */
  private boolean mappedElsewhere;

  /** Its pages are a part of the kernel's image. */
  private boolean ofKernel;

  private @Nullable Watcher segment;

  /** {@code FMODE_NOREUSE}: opens of it whose accesses do not tell what is used. */
  private final Set<OpenFile> notReused = new HashSet<>();

  /** What it has its blocks of, null where its file system has no size. */
  @Nullable TmpfsBlocks blocks;

  /** What it has its huge pages of, null where its file system has no size. */
  @Nullable HugeSubpool subpool;

  /** {@code AS_UNEVICTABLE}: SHM_LOCK holds its pages in memory. */
  private boolean unevictable;

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

  /** Which of its pages the cache holds as one. */
  public Folios folios() {
    return folios;
  }

  /** Which of its pages are to be written out. */
  public DirtyPages dirty() {
    return dirty;
  }

  /** Where the disk has nothing of it. */
  public Holes holes() {
    return holes;
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

  /** It is a part of the kernel's image, as the vdso is: on no list of reclaim. */
  public void ofKernel() {
    ofKernel = true;
  }

  /** Whether {@link #ofKernel} was called. */
  boolean isOfKernel() {
    return ofKernel;
  }

  /** How often each page is mapped by somebody outside of the simulation. */
  public int mappedElsewhere() {
    return mappedElsewhere ? 1 : 0;
  }

  /** The file. */
  public MappedFile mapped() {
    return mapped;
  }

  /** Pages that the file has, the last perhaps in part. */
  public long pageCount() {
    return (sizeBytes + 4095) >>> 12;
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

  /**
   * {@code mapping_set_unevictable}, or that its pages may go again ({@code shmem_unlock_mapping}).
   */
  public void unevictable(boolean on) {
    unevictable = on;
    if (!on) {
      pages.forEach((index, pfn) -> frames.lru().evictable(pfn));
    }
  }

  /** Whether reclaim may not take its pages. */
  public boolean isUnevictable() {
    return unevictable;
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
    return page(index, PageGfp.of(mapped.kind()));
  }

  /** The same by read-ahead, which may bring nothing. */
  long pageAhead(long index) {
    return page(index, PageGfp.READ_AHEAD);
  }

  private long page(long index, int gfp) {
    long pfn = pages.get(index);
    if (pfn == Frames.NONE) {
      pfn = take(index, folios.order(index), gfp);
    }
    if (pfn != Frames.NONE && index < MOST_PAGES) {
      absent.clear((int) index);
      if (stale.get((int) index)) { // a folio is up to date as a whole
        stale.clear((int) folios.start(index), (int) folios.end(index));
      }
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

  /**
   * {@code filemap_add_folio}; pages are single where no larger block is free.
   *
   * @param gfp what is asked for, of a page
   */
  long take(long index, int wanted, int gfp) {
    int order = wanted;
    long first = index & -(1L << order);
    boolean zero = holes.hasAll(first, order);
    long head = frames.newCached(this, first, order, zero, order > 0 ? gfp | PageGfp.LARGE : gfp);
    if (head == Frames.NONE && order > 0) {
      folios.makeSingle(first, first + (1L << order));
      first = index;
      order = 0;
      zero = holes.has(index);
      head = frames.newCached(this, index, 0, zero, gfp);
    }
    if (head == Frames.NONE) {
      return Frames.NONE;
    }
    if (hasFrames(first, order)) {
      return cameMeanwhile(index, head, order, gfp);
    }
    for (long i = 0; i < 1L << order; i++) {
      pages.put(first + i, head + i);
      if (!zero && holes.has(first + i)) {
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
  private long cameMeanwhile(long index, long head, int order, int gfp) {
    for (long i = 0; i < 1L << order; i++) {
      frames.put(head + i);
    }
    long pfn = pages.get(index);
    if (pfn != Frames.NONE) {
      return pfn;
    }
    folios.makeSingle(index, index + 1); // others of its folio are there without it
    return take(index, 0, gfp);
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

  /** Whether the disk has a block of the folio that holds this page. */
  public boolean comesFromDisk(long index) {
    return !isShmem() && !holes.hasAll(folios.start(index), folios.order(index));
  }

  /** Whether the folio of this page has the mark of read-ahead. */
  public boolean isMarked(long index) {
    return index < MOST_PAGES && readAhead.get((int) folios.start(index));
  }

  /** The folio of this page has no mark of read-ahead any more: it has done its work. */
  public void unmark(long index) {
    if (index < MOST_PAGES) {
      readAhead.clear((int) folios.start(index));
    }
  }

  /** The folio of this page has the mark: reclaim gives it, too, which has the same bit for it. */
  void mark(long index) {
    if (index < MOST_PAGES) {
      readAhead.set((int) folios.start(index));
    }
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
