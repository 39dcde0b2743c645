// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uffd;
import java.util.ArrayList;
import java.util.List;

/**
 * The model of some pages, private ones of nobody's file or shared ones, that a userfaultfd
 * watches: what is there, what the file has, and in which mode each is watched.
 */
public final class NaiveUffd {
  private static final long WRITES = Uffd.FAULT_WRITE | Uffd.FAULT_WP;

  /** What stands in a page's entry. */
  public enum There {
    NOTHING,
    /** A marker of write protection. */
    MARKER,
    POISON,
    ZERO,
    PAGE
  }

  /** What is brought. */
  public enum What {
    COPY,
    ZERO,
    CONTINUE,
    POISON
  }

  /** One page. */
  public static final class Page {
    public There there = There.NOTHING;
    boolean guarded;
    long mode;

    /** Whether no other process has had it since it was written. */
    boolean alone = true;

    /** Whether the file has it. */
    boolean cached;

    public int value;

    void is(There now, boolean wp) {
      there = now;
      guarded = wp;
      alone = true;
    }

    boolean mapped() {
      return there == There.PAGE || there == There.ZERO;
    }

    @Override
    public String toString() {
      return there + (guarded ? " protected" : "") + " mode " + mode + (cached ? " cached" : "");
    }
  }

  /**
   * What an access comes to.
   *
   * @param flags those of the message if it waits, else -1
   */
  public record Touched(boolean poisoned, long flags) {
    static final Touched OK = new Touched(false, -1);

    static Touched waits(long flags) {
      return new Touched(false, flags);
    }
  }

  public final boolean shared;
  private final boolean marksNothing;
  private final List<Page> pages = new ArrayList<>();

  /**
   * Nothing is there, and nobody watches.
   *
   * @param unpopulated whether also private memory that is not there is protected
   */
  public NaiveUffd(int count, boolean shared, boolean unpopulated) {
    this.shared = shared;
    marksNothing = shared || unpopulated;
    for (int i = 0; i < count; i++) {
      pages.add(new Page());
    }
  }

  public Page page(int i) {
    return pages.get(i);
  }

  /** The file has a page that nobody has mapped yet. */
  public void fileHas(int i, int value) {
    page(i).cached = true;
    page(i).value = value;
  }

  // ---------------------------------------------------------------- modes

  /** Whether writes are watched anywhere. */
  public boolean hasWrites(int from, int to) {
    return pages.subList(from, to).stream().anyMatch(p -> (p.mode & Uffd.REGISTER_WP) != 0);
  }

  public void register(int from, int to, long mode) {
    for (Page page : pages.subList(from, to)) {
      page.mode = (page.mode & mode) == mode ? page.mode : mode;
    }
  }

  public void unregister(int from, int to) {
    for (Page page : pages.subList(from, to)) {
      page.mode = 0;
      page.guarded = false;
      page.there = page.there == There.MARKER ? There.NOTHING : page.there;
    }
  }

  /** 0, or an error; what came before is done. */
  public long protect(int from, int to, boolean on) {
    for (Page page : pages.subList(from, to)) {
      if ((page.mode & Uffd.REGISTER_WP) == 0) {
        return -Errno.ENOENT;
      }
      if (page.mapped()) {
        page.guarded = on;
      } else if (page.there == There.NOTHING && on && marksNothing) {
        page.there = There.MARKER;
      } else if (page.there == There.MARKER && !on) {
        page.there = There.NOTHING;
      }
    }
    return 0;
  }

  /** Whether all pages of a range are of one VMA, which is what has one mode. */
  private boolean isOne(int from, int to) {
    return pages.subList(from, to).stream().allMatch(p -> p.mode == page(from).mode);
  }

  // ---------------------------------------------------------------- bringing

  /** What keeps all pages of a range from being brought; 0 for nothing. */
  public long cannotFill(What what, int from, int to, boolean wp) {
    long mode = page(from).mode;
    if (mode == 0 || !isOne(from, to)) {
      return -Errno.ENOENT;
    }
    boolean wrong = (wp && (mode & Uffd.REGISTER_WP) == 0) || (what == What.CONTINUE && !shared);
    return wrong ? -Errno.EINVAL : 0;
  }

  /** How many pages can be brought before one that cannot. */
  public int fills(What what, int from, int to) {
    int n = 0;
    while (from + n < to && refuses(what, from + n) == 0) {
      n++;
    }
    return n;
  }

  /** Why a page cannot be brought; 0 if it can. */
  public long refuses(What what, int i) {
    Page page = page(i);
    if (what == What.CONTINUE && !page.cached) {
      return -Errno.EFAULT;
    }
    boolean onNothing = what == What.POISON || (what == What.ZERO && !shared);
    boolean free = onNothing ? page.there == There.NOTHING : !page.mapped();
    boolean fileHasIt = shared && page.cached && (what == What.COPY || what == What.ZERO);
    return free && !fileHasIt ? 0 : -Errno.EEXIST;
  }

  public void fill(What what, int i, int value, boolean wp) {
    Page page = page(i);
    if (what == What.POISON) {
      page.is(There.POISON, false);
      return;
    }
    page.is(what == What.ZERO && !shared ? There.ZERO : There.PAGE, wp);
    page.value = what == What.ZERO ? 0 : what == What.COPY ? value : page.value;
    page.cached = shared;
  }

  // ---------------------------------------------------------------- moving

  /** What keeps all pages from going elsewhere; 0 for nothing. */
  public long cannotMove(int dst, int dstPast, int src) {
    boolean one = isOne(dst, dstPast) && isOne(src, src + dstPast - dst);
    return one && page(dst).mode != 0 ? 0 : -Errno.EINVAL;
  }

  public int moves(int dst, int src, int count, boolean holes) {
    int n = 0;
    while (n < count && staysAt(dst + n, src + n, holes) == 0) {
      n++;
    }
    return n;
  }

  /** Why a page cannot go; 0 if it can, or if there is none and that may be. */
  public long staysAt(int dst, int src, boolean holes) {
    Page from = page(src);
    if (page(dst).there != There.NOTHING) {
      return -Errno.EEXIST;
    }
    return switch (from.there) {
      case NOTHING -> holes ? 0 : -Errno.ENOENT;
      case MARKER, POISON -> -Errno.EFAULT;
      case ZERO -> 0;
      case PAGE -> from.alone ? 0 : -Errno.EBUSY;
    };
  }

  public void move(int dst, int src) {
    Page from = page(src);
    page(dst).is(from.there, false);
    page(dst).value = from.value;
    from.is(There.NOTHING, false);
  }

  // ---------------------------------------------------------------- the rest

  /**
   * Pages go.
   *
   * @param hole also from the file
   */
  public void discard(int from, int to, boolean hole) {
    for (Page page : pages.subList(from, to)) {
      boolean stays = shared && (page.there == There.MARKER || (page.mapped() && page.guarded));
      page.cached &= !hole;
      if (!hole || page.there != There.POISON) {
        page.is(stays ? There.MARKER : There.NOTHING, false);
      }
    }
  }

  /** A child has the private pages, too. */
  public void fork() {
    pages.forEach(page -> page.alone = false);
  }

  /** What a child has of private pages. */
  public String inherited() {
    List<String> all = new ArrayList<>();
    pages.forEach(page -> all.add(page.mapped() ? "P" : page.there == There.POISON ? "s" : "."));
    return String.join(" ", all);
  }

  /** A page of the file was mapped with a neighbour. */
  public void broughtAround(int i) {
    Page page = page(i);
    boolean told = (page.mode & (Uffd.REGISTER_WP | Uffd.REGISTER_MINOR)) != 0;
    if (page.cached && page.there == There.NOTHING && !told) {
      page.is(There.PAGE, false);
    }
  }

  public Touched touch(int i, boolean write, int value) {
    Page page = page(i);
    if (page.there == There.POISON) {
      return new Touched(true, -1);
    }
    if (!page.mapped()) {
      long told = page.cached ? Uffd.REGISTER_MINOR : Uffd.REGISTER_MISSING;
      if ((page.mode & told) != 0) {
        long minor = page.cached ? Uffd.FAULT_MINOR : 0;
        return Touched.waits(minor | (write ? Uffd.FAULT_WRITE : 0));
      }
      boolean marked = page.there == There.MARKER;
      page.value = page.cached ? page.value : 0;
      page.is(write || shared ? There.PAGE : There.ZERO, marked);
      page.cached = shared;
    }
    if (write && page.guarded) {
      return Touched.waits(WRITES);
    }
    if (write) {
      page.is(There.PAGE, false);
      page.value = value;
    }
    return Touched.OK;
  }

  /** What pagemap shows. */
  public String marks() {
    List<String> all = new ArrayList<>();
    for (Page page : pages) {
      String file = shared && page.there == There.PAGE ? "f" : "";
      all.add(
          switch (page.there) {
            case NOTHING -> ".";
            case MARKER -> "sw";
            case POISON -> "s";
            case ZERO, PAGE -> "P" + file + (page.guarded ? "w" : "");
          });
    }
    return String.join(" ", all);
  }

  /** The VMAs: the page behind each, and its modes. */
  public String modes() {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < pages.size(); i++) {
      long mode = page(i).mode;
      if (i + 1 == pages.size() || page(i + 1).mode != mode) {
        out.append(i + 1)
            .append((mode & Uffd.REGISTER_MISSING) != 0 ? "um" : "")
            .append((mode & Uffd.REGISTER_WP) != 0 ? "uw" : "")
            .append((mode & Uffd.REGISTER_MINOR) != 0 ? "ui" : "")
            .append(' ');
      }
    }
    return out.toString();
  }
}
