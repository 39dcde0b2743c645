// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.OpenFile;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Mounts;
import io.mm4j.process.page.ReadAhead;
import io.mm4j.process.vma.SharedPolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The files of a floor: their page caches, what each open of them remembers, and when one goes.
 *
 * <p>A file that a disk or a directory has stays. One without a name, of shared memory, of huge
 * pages or a pipe, goes with its last descriptor and VMA ({@code __fput}, fs/file_table.c, and
 * {@code evict}, fs/inode.c, of Linux 6.18), and its pages, its charge and its policies with it.
 */
public final class FloorFiles {
  private final FloorContext context;
  private final IdentityHashMap<MappedFile, FileObject> caches = new IdentityHashMap<>();
  private final Mounts mounts = new Mounts();
  private final Map<MappedFile, Pipe> pipes = new HashMap<>();
  private final IdentityHashMap<FileObject, SharedPolicy> policies = new IdentityHashMap<>();

  /** {@code f_pos} of open files that calls have moved. */
  public final Map<OpenFile, Long> positions = new HashMap<>();

  /** {@code f_ra} of open files that were read. */
  private final IdentityHashMap<OpenFile, ReadAhead> readAheads = new IdentityHashMap<>();

  /** What is done with files of which {@link #keepUnheld} has put it off. */
  private final List<Runnable> kept = new ArrayList<>();

  private boolean keepsUnheld;

  FloorFiles(FloorContext context) {
    this.context = context;
  }

  /** The page cache of a file. */
  public FileObject of(MappedFile file) {
    FileObject object = caches.get(file);
    if (object == null) {
      object = new FileObject(context.frames(), file);
      mounts.begins(object);
      caches.put(file, object);
    }
    return object;
  }

  /** Frames that a file of memory has, of the pool or not. */
  public long framesOf(MappedFile file) {
    FileObject object = of(file);
    return file.kind().isHugetlb()
        ? context.hugePools().of(object).frames(object)
        : object.frames();
  }

  /** The memory behind a new shared anonymous mapping; its charge ends with its last VMA. */
  public FileObject sharedMemory(MappedFile file, long chargedPages) {
    FileObject object = of(file);
    object.whenUnmapped(() -> dispose(file, chargedPages));
    return object;
  }

  /**
   * A file without a name, of huge pages or of shared memory: it goes with its last descriptor and
   * VMA.
   */
  public FileObject nameless(MappedFile file) {
    FileObject object = of(file);
    if (!object.isSegment()) { // an identifier holds it
      object.whenUnmapped(() -> closed(file));
    }
    return object;
  }

  /** Mounts a file system with a size: 0 or a negated errno. */
  public long mount(Mount mount) {
    return mounts.add(mount, context.hugePools());
  }

  /** The name of a file is gone; its pages are kept if a disk has it. */
  public void unlink(MappedFile file) {
    FileObject object = of(file);
    object.change().unlink();
    if (object.isShmem() || file.kind().isHugetlb()) {
      closed(nameless(file).mapped());
    }
  }

  /** {@code truncate_setsize}: gives a file another size. */
  public void resize(FileObject file, long bytes) {
    file.change()
        .resize(
            bytes,
            (first, past) -> context.mappings.unmap(file, first, past, first >= pagesOf(bytes)));
  }

  private static long pagesOf(long bytes) {
    return (bytes + Mm.PAGE - 1) >>> 12;
  }

  /** A descriptor or the last VMA of a file is gone, and maybe the file with it. */
  public void closed(MappedFile file) {
    if (context.userfaults.has(file)) {
      if (!isOpen(file)) {
        context.userfaults.closed(file);
      }
      return;
    }
    FileObject object = caches.get(file);
    boolean huge = file.kind().isHugetlb();
    if (object != null
        && !object.isSegment()
        && !isNamed(object)
        && (huge || object.goesUnmapped())
        && object.vmas().size() == 0
        && !isOpen(object.mapped())) {
      dispose(file, 0);
    }
  }

  /** Whether a directory of a file system has it, so that it stays when nobody uses it. */
  private static boolean isNamed(FileObject file) {
    return file.mapped().mount() != null && !file.change().isUnlinked();
  }

  private boolean isOpen(MappedFile file) {
    return isOpen(file, mode -> true);
  }

  /** Whether a process has it open in such a mode. */
  public boolean isOpen(MappedFile file, Predicate<OpenFile.Mode> mode) {
    for (Mm mm : context.spaces) {
      for (OpenFile open : mm.descriptors.values()) {
        if (open.file().equals(file) && mode.test(open.mode())) {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether a file is a System V segment that is no more. */
  public boolean isGoneSegment(MappedFile file) {
    FileObject object = caches.get(file);
    return object != null && object.isGoneSegment();
  }

  /** The buffers of a pipe, which go with its last descriptor. */
  public Pipe pipe(MappedFile file) {
    return pipes.computeIfAbsent(file, f -> new Pipe(nameless(f)));
  }

  /** How many pipes there are. */
  public int pipes() {
    return pipes.size();
  }

  /** What an open file remembers of its reads. */
  public ReadAhead readAhead(OpenFile open) {
    return readAheads.computeIfAbsent(open, o -> new ReadAhead(context.readAheadPages));
  }

  /** The policies of a file's pages, null for a file that keeps none ({@code set_policy}). */
  public @Nullable SharedPolicy sharedPolicy(@Nullable FileObject file) {
    return file == null || !file.isShmem()
        ? null
        : policies.computeIfAbsent(file, f -> new SharedPolicy());
  }

  /**
   * From now on files that nothing holds any more live until {@link #letUnheldGo}: where one
   * mapping takes the place of another, that one's file goes when the call returns ({@code fput} is
   * work of the task).
   */
  public void keepUnheld() {
    keepsUnheld = true;
  }

  /** They go, but for those that were mapped again, which go with that mapping. */
  public void letUnheldGo() {
    keepsUnheld = false;
    while (!kept.isEmpty()) {
      kept.removeLast().run();
    }
  }

  private void letGo(MappedFile file, long chargedPages) {
    FileObject object = caches.get(file);
    if (object != null && object.vmas().size() > 0) {
      object.whenUnmapped(() -> dispose(file, chargedPages));
    } else {
      dispose(file, chargedPages);
    }
  }

  /** Nothing holds a file of shared memory any more. */
  void dispose(MappedFile file, long chargedPages) {
    if (keepsUnheld) {
      kept.add(() -> letGo(file, chargedPages));
      return;
    }
    context.committedPages -= chargedPages;
    FileObject object = caches.remove(file);
    if (object != null) {
      policies.remove(object);
      pipes.remove(file);
      if (file.kind().isHugetlb()) {
        context.hugePools().of(object).evict(object);
      }
      object.release();
      mounts.ends(object);
    }
  }

  /** Gives all cached pages back; no process is left. */
  void close() {
    for (FileObject file : caches.values()) {
      if (file.mapped().kind().isHugetlb()) {
        context.hugePools().of(file).evict(file);
      }
      file.release();
    }
    caches.clear();
  }
}
