// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A pool of huge pages as a table of numbers: who has which page, what is promised to whom, and
 * what that leaves to others. A promise is made with the mapping; the first touch spends it, and
 * MADV_DONTNEED of a page that nobody else has gives it back to who made it. A page that is shared
 * is kept by its file until the last mapping of that goes.
 */
public final class NaivePool {
  /** Bytes of a page. */
  public static final long HUGE = 1L << 21;

  /** Up to how many pages may be taken beyond the pool. */
  public long mostSurplus;

  private long total;
  private long used;
  private long reserved;
  private long surplus;

  private static final class Page {
    int users = 1;
    int value;

    /** Whether it is one process's, which may write to it. */
    boolean exclusive = true;
  }

  /** Shared memory, and the pages that it has. */
  private static final class Shared {
    final TreeMap<Integer, Page> pages = new TreeMap<>();
    final TreeSet<Integer> promised = new TreeSet<>();
    int mapped;
  }

  /** One page of a mapping; those that were mapped by one call have one {@code whole}. */
  private static final class Place {
    final Object whole;
    final @Nullable Shared shared;
    final int index;
    @Nullable Page page;
    boolean promised;
    boolean owned;
    boolean lost;

    Place(Object whole, @Nullable Shared shared, int index) {
      this.whole = whole;
      this.shared = shared;
      this.index = index;
    }

    /** The same of another mapping. */
    Place moved() {
      Place to = new Place(new Object(), shared, index);
      to.page = page;
      to.promised = promised;
      to.owned = owned;
      to.lost = lost;
      return to;
    }
  }

  private final List<Space> spaces = new ArrayList<>();

  /** An empty one. */
  public NaivePool() {}

  /** HugePages_Total. */
  public long total() {
    return total;
  }

  /** HugePages_Free. */
  public long free() {
    return total - used;
  }

  /** HugePages_Rsvd. */
  public long reserved() {
    return reserved;
  }

  /** HugePages_Surp. */
  public long surplus() {
    return surplus;
  }

  /** An address space without mappings. */
  public Space space() {
    Space space = new Space();
    spaces.add(space);
    return space;
  }

  /** nr_hugepages: what is used or promised beyond it is surplus from then on. */
  public void resize(long pages) {
    long persistent = total - surplus;
    long taken = Math.min(surplus, Math.max(0, pages - persistent));
    surplus -= taken;
    persistent += taken;
    total += Math.max(0, pages - persistent);
    persistent = Math.max(persistent, pages);
    long least = Math.max(pages, reserved + used);
    long dropped = Math.max(0, persistent - least);
    total -= dropped;
    surplus += persistent - dropped - pages;
  }

  private boolean oneMore() {
    if (surplus >= mostSurplus) {
      return false;
    }
    surplus++;
    total++;
    return true;
  }

  private void dropSurplus(long most) {
    long gone = Math.min(Math.min(most, surplus), free());
    surplus -= gone;
    total -= gone;
  }

  private boolean promise(long pages) {
    long more = 0;
    while (free() - reserved < pages) {
      if (!oneMore()) {
        dropSurplus(more);
        return false;
      }
      more++;
    }
    reserved += pages;
    return true;
  }

  private void forget(long promises) {
    reserved -= promises;
    dropSurplus(promises);
  }

  private @Nullable Page take(boolean promised) {
    if (!promised && free() <= reserved && !oneMore()) {
      return null;
    }
    reserved -= promised ? 1 : 0;
    used++;
    return new Page();
  }

  private void put(Page page) {
    page.users--;
    if (page.users == 0) {
      used--;
      dropSurplus(1);
    }
  }

  /** What one process has mapped. */
  public final class Space {
    private final TreeMap<Long, Place> places = new TreeMap<>();

    private Space() {}

    /** mmap of pages where nothing is: the address, or an error. */
    public long map(long at, int pages, boolean isShared, boolean reserves) {
      if (!places.subMap(at, at + pages * HUGE).isEmpty()) {
        return -Errno.EEXIST;
      }
      if (reserves && !promise(pages)) {
        return -Errno.ENOMEM;
      }
      Object whole = new Object();
      Shared shared = isShared ? new Shared() : null;
      for (int i = 0; i < pages; i++) {
        Place place = new Place(whole, shared, i);
        place.promised = reserves && shared == null;
        place.owned = place.promised;
        places.put(at + i * HUGE, place);
        if (shared != null) {
          shared.mapped++;
          if (reserves) {
            shared.promised.add(i);
          }
        }
      }
      return at;
    }

    /** Whether an address is mapped. */
    public boolean isMapped(long at) {
      return places.containsKey(at);
    }

    /** Whether a page is there. */
    public boolean isThere(long at) {
      Place place = places.get(at);
      return place != null && place.page != null;
    }

    /** The byte of the page that is there. */
    public int valueAt(long at) {
      return Objects.requireNonNull(Objects.requireNonNull(places.get(at)).page).value;
    }

    /** How many refer to the page that is there: mappings, and the file of shared memory. */
    public int users(long at) {
      return Objects.requireNonNull(Objects.requireNonNull(places.get(at)).page).users;
    }

    /** Whether it is shared memory. */
    public boolean isShared(long at) {
      return Objects.requireNonNull(places.get(at)).shared != null;
    }

    /** Whether the page that is there is private, and of this process alone. */
    public boolean isExclusive(long at) {
      return !isShared(at)
          && Objects.requireNonNull(Objects.requireNonNull(places.get(at)).page).exclusive;
    }

    /** munmap. */
    public void unmap(long at, int pages) {
      unmap(places.subMap(at, at + pages * HUGE));
    }

    private void unmap(SortedMap<Long, Place> some) {
      long promises = 0;
      for (Place place : some.values()) {
        drop(place);
        promises += place.promised ? 1 : 0;
      }
      forget(promises);
      List<Place> gone = List.copyOf(some.values());
      some.clear();
      for (Place place : gone) {
        Shared shared = place.shared;
        if (shared != null && --shared.mapped == 0) {
          shared.pages.values().forEach(NaivePool.this::put);
          forget(shared.promised.size());
        }
      }
    }

    private void drop(Place place) {
      Page page = place.page;
      if (page != null) {
        place.page = null;
        put(page);
      }
    }

    /** MADV_DONTNEED of a page: who made a promise for it has it again. */
    public void discard(long at) {
      Place place = Objects.requireNonNull(places.get(at));
      Page page = place.page;
      if (page != null) {
        boolean again = place.owned && page.users == 1 && surplus == 0;
        drop(place);
        place.promised |= again && promise(1);
      }
    }

    /** mremap of a page to where nothing is. */
    public void move(long from, long to) {
      places.put(to, Objects.requireNonNull(places.remove(from)).moved());
    }

    /** exit. */
    public void exit() {
      while (!places.isEmpty()) {
        Map.Entry<Long, Place> first = places.firstEntry();
        long end = first.getKey() + HUGE;
        while (places.containsKey(end)
            && Objects.requireNonNull(places.get(end)).whole.equals(first.getValue().whole)) {
          end += HUGE;
        }
        unmap(places.headMap(end));
      }
      spaces.remove(this);
    }

    /** fork: the child has the pages and no promises; shared memory comes with its faults. */
    public Space fork() {
      Space child = space();
      places.forEach(
          (at, place) -> {
            Place copy = new Place(place.whole, place.shared, place.index);
            if (place.shared != null) {
              place.shared.mapped++;
            } else if (place.page != null) {
              place.page.users++;
              place.page.exclusive = false;
              copy.page = place.page;
            }
            child.places.put(at, copy);
          });
      return child;
    }

    /**
     * A touch.
     *
     * @param value is written; a read if it is negative
     */
    public Kind touch(long at, int value) {
      Place place = places.get(at);
      if (place == null) {
        return Kind.SEGV_MAPERR;
      }
      Page page = place.shared == null ? ofOne(place, value >= 0) : ofAll(place, place.shared);
      if (page == null) {
        return Kind.BUS_ADRERR;
      }
      page.value = value >= 0 ? value : page.value;
      return Kind.OK;
    }

    private @Nullable Page ofAll(Place place, Shared shared) {
      if (place.page == null) {
        Page page = shared.pages.get(place.index);
        if (page == null) {
          page = take(shared.promised.remove(place.index));
          if (page == null) {
            return null;
          }
          shared.pages.put(place.index, page);
        }
        page.users++;
        place.page = page;
      }
      return place.page;
    }

    private @Nullable Page ofOne(Place place, boolean writes) {
      Page page = place.page;
      if (page == null && !place.lost) {
        page = take(place.promised);
        place.promised = false;
        place.page = page;
      }
      if (page == null || !writes) {
        return page;
      }
      if (page.users == 1) {
        page.exclusive = true;
        return page;
      }
      Page copy = take(false);
      if (copy != null) {
        put(page);
        place.page = copy;
        return copy;
      }
      if (!place.owned) {
        return null;
      }
      Page own = page;
      spaces.stream().filter(other -> other != this).forEach(other -> other.lose(own));
      own.exclusive = true;
      return own;
    }

    /** The owner of a page takes it; what else the mapping does not have stays away, too. */
    private void lose(Page page) {
      List<Object> wholes = new ArrayList<>();
      for (Place place : places.values()) {
        if (place.page == page) {
          drop(place);
          wholes.add(place.whole);
        }
      }
      places.values().forEach(place -> place.lost |= wholes.contains(place.whole));
    }
  }
}
