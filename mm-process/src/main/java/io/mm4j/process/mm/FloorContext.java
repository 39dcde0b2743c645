// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Page;
import io.mm4j.process.page.PageBudget;
import io.mm4j.process.vma.Vma;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/** What all address spaces of one floor share: committed memory, page caches, failing memory. */
public final class FloorContext {
  /** {@code vm_committed_as}, in pages. */
  long committedPages;

  /** How many pages may be mapped. */
  final PageBudget budget = new PageBudget();

  /** Makes an empty index of VMAs. */
  final Supplier<? extends VmaIndex> indexes;

  private final IdentityHashMap<MappedFile, FileObject> files = new IdentityHashMap<>();
  private final List<Mm> spaces = new ArrayList<>();
  private long allocations;
  private long failAt = -1;

  /** A floor without processes, on this kind of index. */
  public FloorContext(Supplier<? extends VmaIndex> indexes) {
    this.indexes = indexes;
  }

  /** All address spaces that exist, in the order in which they were made. */
  public List<Mm> spaces() {
    return List.copyOf(spaces);
  }

  /** The page cache of a file. */
  public FileObject fileObject(MappedFile file) {
    return files.computeIfAbsent(file, FileObject::new);
  }

  /** The memory behind a new shared anonymous mapping; its charge ends with its last VMA. */
  public FileObject sharedMemory(MappedFile file, long chargedPages) {
    FileObject object = fileObject(file);
    object.whenUnmapped(
        () -> {
          committedPages -= chargedPages;
          files.remove(file);
        });
    return object;
  }

  /** {@code vm_committed_as}, in pages. */
  public long committedPages() {
    return committedPages;
  }

  /** An address space of this floor exists. */
  public void add(Mm mm) {
    spaces.add(mm);
  }

  /** It exists no more. */
  public void remove(Mm mm) {
    spaces.remove(mm);
  }

  /**
   * {@code unmap_mapping_range}: takes pages of a file out of every address space; private copies
   * stay.
   */
  public void unmapFilePages(FileObject file, long firstIndex, long pastIndex) {
    for (Mm mm : spaces) {
      forMapped(mm, file, firstIndex, pastIndex, at -> mm.pages.set(at, null));
    }
  }

  /** How often one address space maps pages of a range of a file. */
  public long mappings(Mm mm, FileObject file, long firstIndex, long pastIndex) {
    long[] count = {0};
    forMapped(mm, file, firstIndex, pastIndex, at -> count[0]++);
    return count[0];
  }

  private static void forMapped(
      Mm mm, FileObject file, long firstIndex, long pastIndex, LongConsumer action) {
    for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
      long from = Math.max(firstIndex, vma.pgoff);
      long to = Math.min(pastIndex, vma.pgoff + vma.pages());
      if (vma.backing != file || from >= to) {
        continue;
      }
      long end = vma.start + ((to - vma.pgoff) << 12);
      long at = mm.pages.nextEntry(vma.start + ((from - vma.pgoff) << 12), end);
      while (at < end) {
        if (mm.pages.get(at) instanceof Page page && page.kind() != Page.Kind.ANON) {
          action.accept(at);
        }
        at = mm.pages.nextEntry(at + Mm.PAGE, end);
      }
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
