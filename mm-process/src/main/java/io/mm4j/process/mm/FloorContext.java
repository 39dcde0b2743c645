// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.InputException;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.page.HugePools;
import io.mm4j.process.page.Mapping;
import io.mm4j.process.page.MappingList;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.page.ReadAhead;
import io.mm4j.process.vma.SharedPolicy;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What all address spaces of one floor share: committed memory, page caches, failing memory. */
public final class FloorContext {
  /** What {@link #writeSysctl} takes. */
  private static final Set<String> WRITABLE =
      Set.of(
          "overcommit_memory",
          "overcommit_ratio",
          "overcommit_kbytes",
          "max_map_count",
          "mmap_min_addr",
          "legacy_va_layout");

  /** {@code vm_committed_as}, in pages. */
  long committedPages;

  /** Makes an empty index of VMAs. */
  final Supplier<? extends VmaIndex> indexes;

  private final IdentityHashMap<MappedFile, FileObject> files = new IdentityHashMap<>();
  private final List<Mm> spaces = new ArrayList<>();
  private int lastPid;

  /** What is done with files of which {@link #keepFiles} has put it off. */
  private final List<Runnable> kept = new ArrayList<>();

  private boolean keepsFiles;
  private @Nullable LongSupplier clock;

  /** {@code mm_forbids_zeropage()}: a read of anonymous memory maps a page of its own. */
  public boolean forbidsZeroPage;

  /** {@code f_pos} of open files that calls have moved. */
  public final Map<OpenFile, Long> positions = new HashMap<>();

  /** {@code f_ra} of open files that were read. */
  private final IdentityHashMap<OpenFile, ReadAhead> readAheads = new IdentityHashMap<>();

  private final IdentityHashMap<FileObject, SharedPolicy> policies = new IdentityHashMap<>();

  /** {@code CONFIG_ANON_VMA_NAME}. */
  public boolean anonVmaNames;

  /** {@code CONFIG_KSM}. */
  public boolean hasKsm = true;

  /** How many nodes policies may name, at most 63; 0 for those that have memory. */
  public long policyNodes;

  /** The disk's read_ahead_kb, in pages. */
  public long readAheadPages = 32;

  private @Nullable HugePools hugePools;

  /** Who watches faults. */
  public final Userfaults userfaults = new Userfaults();

  /** System V segments. */
  public final Segments segments = new Segments(this);

  private Map<String, String> written = Map.of();
  private @Nullable MmSysctls sysctlsBefore;
  private MmSysctls sysctlsNow = MmSysctls.DEFAULTS;
  private long allocations;
  private long failAt = -1;

  private final @Nullable Frames frames;

  /**
   * A floor without processes, on this kind of index.
   *
   * @param frames null on a machine without page tables, which can have no process
   */
  public FloorContext(Supplier<? extends VmaIndex> indexes, @Nullable Frames frames) {
    this.indexes = indexes;
    this.frames = frames;
  }

  /**
   * The frames that processes have.
   *
   * @throws InputException if the machine has no page tables
   */
  public Frames frames() {
    if (frames == null) {
      throw new InputException(
          "this machine can have no process: it has no page tables",
          "the floors below processes",
          "contents all or tables, and a paging plugin such as io.mm4j:mm-vmalloc");
    }
    return frames;
  }

  /** All address spaces that exist, in the order in which they were made. */
  public List<Mm> spaces() {
    return List.copyOf(spaces);
  }

  /** What calls look at under /proc/sys/vm: as a process had it, and what was written since. */
  public MmSysctls sysctls(MmSysctls before) {
    if (written.isEmpty()) {
      return before;
    }
    if (!before.equals(sysctlsBefore)) {
      sysctlsBefore = before;
      sysctlsNow = before.with(written);
    }
    return sysctlsNow;
  }

  /**
   * Writes a file under /proc/sys/vm, or one about segments under /proc/sys/kernel.
   *
   * @return 0 or a negated errno
   */
  public long writeSysctl(String name, String value) {
    if (name.equals("nr_hugepages") || name.equals("nr_overcommit_hugepages")) {
      if (!value.strip().matches("[0-9]{1,18}")) {
        return -Errno.EINVAL;
      }
      long pages = Long.parseLong(value.strip());
      return name.equals("nr_hugepages")
          ? resize(hugePools().standard(), pages)
          : overcommit(hugePools().standard(), pages);
    }
    if (name.equals("unprivileged_userfaultfd")) {
      return userfaults.writeSysctl(value.strip());
    }
    if (!WRITABLE.contains(name)) {
      return segments.writeSysctl(name, value.strip());
    }
    Map<String, String> now = new HashMap<>(written);
    MmSysctls.write(now, name, value.strip());
    try {
      MmSysctls _ = MmSysctls.of(now);
    } catch (InputException e) {
      return -Errno.EINVAL;
    }
    written = now;
    sysctlsBefore = null;
    return 0;
  }

  /** Writes {@code nr_hugepages} of a pool. */
  public static long resize(HugePool pool, long pages) {
    if (pages < 0) {
      return -Errno.EINVAL;
    }
    pool.resize(pages);
    return 0;
  }

  /** Writes {@code nr_overcommit_hugepages} of a pool; gigantic pages cannot be surplus. */
  public static long overcommit(HugePool pool, long pages) {
    if (pages < 0 || !pool.canHaveSurplus()) {
      return -Errno.EINVAL;
    }
    pool.mostSurplus(pages);
    return 0;
  }

  /** What an open file remembers of its reads. */
  public ReadAhead readAhead(OpenFile open) {
    return readAheads.computeIfAbsent(open, o -> new ReadAhead(readAheadPages));
  }

  /** The pools of huge pages. */
  public HugePools hugePools() {
    HugePools pools = hugePools;
    if (pools == null) {
      pools = new HugePools(frames());
      hugePools = pools;
    }
    return pools;
  }

  /** The policies of a file's pages, null for a file that keeps none ({@code set_policy}). */
  public @Nullable SharedPolicy sharedPolicy(@Nullable FileObject file) {
    return file == null || !file.isShmem()
        ? null
        : policies.computeIfAbsent(file, f -> new SharedPolicy());
  }

  /** {@code cpuset_current_mems_allowed}: the nodes that a policy may name, a bit each. */
  public long nodeMask() {
    return policyNodes == 0 ? frames().nodeMask() : (1L << policyNodes) - 1;
  }

  /** The page cache of a file. */
  public FileObject fileObject(MappedFile file) {
    return files.computeIfAbsent(file, f -> new FileObject(frames(), f));
  }

  /** Frames that a file of memory has, of the pool or not. */
  public long framesOf(MappedFile file) {
    FileObject object = fileObject(file);
    return file.kind().isHugetlb() ? hugePools().of(object).frames(object) : object.frames();
  }

  /** The memory behind a new shared anonymous mapping; its charge ends with its last VMA. */
  public FileObject sharedMemory(MappedFile file, long chargedPages) {
    FileObject object = fileObject(file);
    object.whenUnmapped(() -> dispose(file, chargedPages));
    return object;
  }

  /**
   * A file without a name, of huge pages or of shared memory: it goes with its last descriptor and
   * VMA.
   */
  public FileObject namelessFile(MappedFile file) {
    FileObject object = fileObject(file);
    if (!object.isSegment()) { // an identifier holds it
      object.whenUnmapped(() -> closed(file));
    }
    return object;
  }

  /** The name of a file is gone; its pages are kept if a disk has it. */
  public void unlink(MappedFile file) {
    FileObject object = fileObject(file);
    object.change().unlink();
    if (object.isShmem()) {
      closed(namelessFile(file).mapped());
    }
  }

  /** A descriptor or the last VMA of a file is gone, and maybe the file with it. */
  public void closed(MappedFile file) {
    if (userfaults.has(file)) {
      if (!isOpen(file)) {
        userfaults.closed(file);
      }
      return;
    }
    FileObject object = files.get(file);
    boolean huge = file.kind().isHugetlb();
    if (object != null
        && !object.isSegment()
        && (huge || object.goesUnmapped())
        && object.vmas().size() == 0
        && !isOpen(object.mapped())) {
      dispose(file, 0);
    }
  }

  private boolean isOpen(MappedFile file) {
    for (Mm mm : spaces) {
      for (OpenFile open : mm.descriptors.values()) {
        if (open.file().equals(file)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Takes whole pages from a file of huge pages, and from whoever maps them. */
  public void removeHuge(FileObject file, long firstHuge, long pastHuge) {
    HugePool pool = hugePools().of(file);
    long pages = pool.pageBytes() >>> 12;
    for (Mm mm : spaces) {
      for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
        if (!vma.has(VmFlags.HUGETLB) || vma.backing != file) {
          continue;
        }
        long first = Math.max(vma.firstIndex(), firstHuge * pages);
        long past = pastHuge > vma.pastIndex() / pages ? vma.pastIndex() : pastHuge * pages;
        if (first < past) {
          long start = vma.addressOf(first);
          mm.huge(vma).zap(start, start + ((past - first) << 12), false);
        }
      }
    }
    pool.remove(file, firstHuge, pastHuge);
  }

  /** Takes a huge page away from every address space but one. */
  public void unmapHuge(long head, int leafLevel, Mm but) {
    spaces.forEach(
        mm -> {
          for (Vma vma = mm.vmas.first(); mm != but && vma != null; vma = mm.vmas.next(vma)) {
            if (vma.has(VmFlags.HUGETLB) && vma.hugeLevel() == leafLevel) {
              mm.huge(vma).drop(head, vma.start, vma.end);
            }
          }
        });
  }

  /**
   * From now on files that nothing holds any more live until {@link #letFilesGo}: where one mapping
   * takes the place of another, that one's file goes when the call returns ({@code fput} is work of
   * the task).
   */
  public void keepFiles() {
    keepsFiles = true;
  }

  /** They go, but for those that were mapped again, which go with that mapping. */
  public void letFilesGo() {
    keepsFiles = false;
    while (!kept.isEmpty()) {
      kept.removeLast().run();
    }
  }

  private void letGo(MappedFile file, long chargedPages) {
    FileObject object = files.get(file);
    if (object != null && object.vmas().size() > 0) {
      object.whenUnmapped(() -> dispose(file, chargedPages));
    } else {
      dispose(file, chargedPages);
    }
  }

  /** Nothing holds a file of shared memory any more. */
  void dispose(MappedFile file, long chargedPages) {
    if (keepsFiles) {
      kept.add(() -> letGo(file, chargedPages));
      return;
    }
    committedPages -= chargedPages;
    FileObject object = files.remove(file);
    if (object != null) {
      policies.remove(object);
      if (file.kind().isHugetlb()) {
        hugePools().of(object).evict(object);
      }
      object.release();
    }
  }

  /** Gives all cached pages back; no process is left. */
  public void close() {
    files.values().forEach(FileObject::release);
    files.clear();
    if (hugePools != null) {
      hugePools.close();
    }
    if (frames != null) {
      frames.close();
    }
  }

  /** {@code vm_committed_as}, in pages. */
  public long committedPages() {
    return committedPages;
  }

  /** An address space of this floor exists. */
  public void add(Mm mm) {
    mm.pid = ++lastPid;
    mm.vmas.actor = mm.pid;
    spaces.add(mm);
  }

  /** {@code ktime_get_real_seconds()}; 0 without a clock. */
  public long realSeconds() {
    return clock == null ? 0 : clock.getAsLong();
  }

  /** Whether there is a clock: without one neither times nor numbers of processes are known. */
  public boolean hasClock() {
    return clock != null;
  }

  /** From now on this is the time. */
  public void clock(LongSupplier realSeconds) {
    clock = realSeconds;
  }

  /** {@code find_get_task_by_vpid()}, by {@link Mm#pid}; null if it lives no more. */
  public @Nullable Mm process(int pid) {
    for (Mm mm : spaces) {
      if (mm.pid == pid) {
        return mm;
      }
    }
    return null;
  }

  /** It exists no more. */
  public void remove(Mm mm) {
    spaces.remove(mm);
    segments.exited(mm.pid);
    userfaults.forget(mm);
    mm.descriptors.values().forEach(open -> closed(open.file()));
  }

  /**
   * {@code unmap_mapping_range}: takes pages of a file out of every address space; private copies
   * stay.
   */
  public void unmapFilePages(FileObject file, long firstIndex, long pastIndex) {
    unmapFilePages(file, firstIndex, pastIndex, false);
  }

  /**
   * The same.
   *
   * @param copiesToo whether private copies go as well: the file ends before them ({@code
   *     even_cows})
   */
  public void unmapFilePages(FileObject file, long firstIndex, long pastIndex, boolean copiesToo) {
    MappingList vmas = file.vmas();
    for (int i = 0; i < vmas.size(); i++) {
      PageTable pages = vmas.get(i).pageTable();
      if (pages != null) {
        forMapped(vmas.get(i), pages, firstIndex, pastIndex, copiesToo, pages::unmapOfFile);
      }
    }
  }

  /** {@code truncate_setsize}: gives a file another size. */
  public void resize(FileObject file, long bytes) {
    file.change()
        .resize(bytes, (first, past) -> unmapFilePages(file, first, past, first >= pagesOf(bytes)));
  }

  private static long pagesOf(long bytes) {
    return (bytes + Mm.PAGE - 1) >>> 12;
  }

  /** How often one address space maps pages of a range of a file. */
  public long mappings(Mm mm, FileObject file, long firstIndex, long pastIndex) {
    long[] count = {0};
    MappingList vmas = file.vmas();
    for (int i = 0; i < vmas.size(); i++) {
      if (vmas.get(i).pageTable() == mm.pages) {
        forMapped(vmas.get(i), mm.pages, firstIndex, pastIndex, false, at -> count[0]++);
      }
    }
    return count[0];
  }

  /** Pages of the file that a VMA maps; copies that a process has made are not among them. */
  private void forMapped(
      Mapping vma,
      PageTable pages,
      long firstIndex,
      long pastIndex,
      boolean copiesToo,
      LongConsumer action) {
    long from = Math.max(firstIndex, vma.firstIndex());
    long to = Math.min(pastIndex, vma.pastIndex());
    if (from >= to) {
      return;
    }
    long end = vma.addressOf(to);
    long at = pages.ranges().nextEntry(vma.addressOf(from), end);
    while (at < end) {
      if (pages.look(at) == PageTable.PAGE && (copiesToo || !frames().isAnon(pages.pfn()))) {
        action.accept(at);
      }
      at = pages.ranges().nextEntry(at + Mm.PAGE, end);
    }
  }

  /** Counts an internal allocation; true if this is the one that must fail. */
  public boolean allocationFails() {
    return allocations++ == failAt;
  }

  /** Internal allocations so far. */
  public long allocations() {
    return allocations;
  }

  /** Makes the (n+1)-th allocation from now fail; a negative value none. */
  public void failAfter(long n) {
    failAt = n < 0 ? -1 : allocations + n;
  }
}
