// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uffd;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A file of huge pages, and what processes map of it and of nobody's file, of a pool in which
 * nothing is promised: each page is the file's or of those who have it since a fork, and whoever
 * finds no free one gets SIGBUS.
 */
public final class NaivePoolFile {
  /** A page of the pool. */
  public static final class Page {
    /** Entries that map it. */
    public int mapped;

    public int value;

    /** Whether the file has it, and whether it is of one process alone. */
    public boolean ofFile;

    public boolean exclusive = true;
  }

  /** A page of a mapping. */
  public static final class Place {
    /** The page of the file; -1 of nobody's. */
    final int index;

    final boolean shared;
    public boolean mayWrite = true;
    public boolean mayRead = true;
    public @Nullable Page page;

    /** Modes of a userfaultfd. */
    public long mode;

    /** Whether its VMA has an anon_vma, so that a child gets what is there. */
    boolean inherited;

    Place(int index, boolean shared) {
      this.index = index;
      this.shared = shared;
    }

    /** Whether writes may go through its entry. */
    public boolean canBeWritten() {
      return mayWrite && page != null && (shared || (!page.ofFile && page.mapped == 1));
    }

    private Place copy() {
      Place copy = new Place(index, shared);
      copy.mayWrite = mayWrite;
      copy.mayRead = mayRead;
      copy.inherited = inherited;
      return copy;
    }

    @Override
    public String toString() {
      String what =
          index < 0 ? "nobody's page" : (shared ? "shared" : "private") + " page " + index;
      return what + (mayWrite ? "" : " to read") + (mode == 0 ? "" : " watched " + mode);
    }
  }

  /** What one process has mapped, by address. */
  public static final class Space {
    public final TreeMap<Long, Place> places = new TreeMap<>();
  }

  /**
   * What an access comes to.
   *
   * @param told the flags of the message if it waits for a userfaultfd, else -1
   */
  public record Touched(@Nullable Kind kind, long told) {}

  private static final Touched OK = new Touched(Kind.OK, -1);
  private static final Touched BUS = new Touched(Kind.BUS_ADRERR, -1);

  private final List<Space> spaces = new ArrayList<>();
  private final TreeMap<Integer, Page> cached = new TreeMap<>();
  private final int total;
  private int used;
  private int size;

  /** An empty file, and a pool of so many pages. */
  public NaivePoolFile(int total) {
    this.total = total;
  }

  public int free() {
    return total - used;
  }

  public int size() {
    return size;
  }

  /** A process that has nothing. */
  public Space space() {
    Space space = new Space();
    spaces.add(space);
    return space;
  }

  /** Maps pages of the file, or nobody's if the first is -1, in place of what was there. */
  public void map(Space space, long at, int pages, int first, boolean shared) {
    unmap(space, at, pages);
    for (int i = 0; i < pages; i++) {
      space.places.put(at + i * NaivePool.HUGE, new Place(first < 0 ? -1 : first + i, shared));
    }
  }

  public void unmap(Space space, long at, int pages) {
    discard(space, at, pages);
    space.places.subMap(at, at + pages * NaivePool.HUGE).clear();
  }

  public void discard(Space space, long at, int pages) {
    space.places.subMap(at, at + pages * NaivePool.HUGE).values().forEach(this::drop);
  }

  private void drop(Place place) {
    Page page = place.page;
    if (page != null) {
      place.page = null;
      page.mapped--;
      used -= page.mapped == 0 && !page.ofFile ? 1 : 0;
    }
  }

  /** A child has what lies in VMAs with an anon_vma; nobody watches it. */
  public Space fork(Space parent) {
    Space child = space();
    parent.places.forEach(
        (at, place) -> {
          Place copy = place.copy();
          Page page = place.page;
          if (page != null && place.inherited) {
            page.mapped++;
            page.exclusive = false;
            copy.page = page;
          }
          child.places.put(at, copy);
        });
    return child;
  }

  public void exit(Space space) {
    space.places.values().forEach(this::drop);
    spaces.remove(space);
  }

  /** Pages of the file go, from all who map them; copies, too. */
  public void punch(int from, int past) {
    for (Space space : spaces) {
      for (Place place : space.places.values()) {
        if (place.index >= from && place.index < past) {
          drop(place);
        }
      }
    }
    used -= cached.subMap(from, past).size();
    cached.subMap(from, past).clear();
  }

  public void resize(int pages) {
    punch(pages, Integer.MAX_VALUE);
    size = pages;
  }

  private @Nullable Page take() {
    if (free() == 0) {
      return null;
    }
    used++;
    return new Page();
  }

  /**
   * An access that the rights allow.
   *
   * @param vma the places of its VMA
   */
  public Touched touch(Place place, boolean write, Iterable<Place> vma) {
    if (place.page == null) {
      Touched ends = bring(place, write, vma);
      if (!ends.equals(OK)) {
        return ends;
      }
    }
    return write && !place.shared ? own(place, vma) : OK;
  }

  private Touched bring(Place place, boolean write, Iterable<Place> vma) {
    if (place.index >= size) {
      return BUS;
    }
    Page page = place.index < 0 ? null : cached.get(place.index);
    if ((place.mode & (page != null ? Uffd.REGISTER_MINOR : Uffd.REGISTER_MISSING)) != 0) {
      long minor = page != null ? Uffd.FAULT_MINOR : 0;
      return new Touched(null, minor | (write ? Uffd.FAULT_WRITE : 0));
    }
    if (page == null) {
      if (!place.shared) {
        vma.forEach(each -> each.inherited = true);
      }
      page = take();
      if (page == null) {
        return BUS;
      }
      page.ofFile = place.shared;
      if (page.ofFile) {
        cached.put(place.index, page);
      }
    }
    page.mapped++;
    place.page = page;
    return OK;
  }

  /** A private page becomes the process's own before it is written to. */
  private Touched own(Place place, Iterable<Place> vma) {
    Page page = place.page;
    if (page == null || (page.mapped == 1 && !page.ofFile)) {
      if (page != null) {
        page.exclusive = true;
      }
      return OK;
    }
    Page copy = take();
    if (copy == null) {
      return BUS;
    }
    vma.forEach(each -> each.inherited = true);
    copy.value = page.value;
    copy.mapped = 1;
    drop(place);
    place.page = copy;
    return OK;
  }

  /** Somebody reads the page by its frame: who has it, has it alone from then on. */
  public Touched pin(Place place, Iterable<Place> vma) {
    Touched ends = touch(place, false, vma);
    Page page = place.page;
    return !ends.equals(OK) || page == null || place.shared || page.ofFile ? ends : own(place, vma);
  }

  /** Entries of a page, and the file's. */
  public static int references(Page page) {
    return page.mapped + (page.ofFile ? 1 : 0);
  }
}
