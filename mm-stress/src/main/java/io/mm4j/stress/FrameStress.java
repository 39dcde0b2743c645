// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.Options;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;
import org.openjdk.jcstress.infra.results.L_Result;

/** {@code mem_map}: first touches of sections and columns, and references that several hold. */
public final class FrameStress {
  private static final PhysicalMemory SPARSE = sparse();

  /** 128 MiB sections; each test uses the next one, so that tests of one batch do not meet. */
  private static final int SECTIONS = 512;

  private static final AtomicInteger NEXT = new AtomicInteger();

  private FrameStress() {}

  private static PhysicalMemory sparse() {
    var provider = PluginRegistry.discover().provider(Spi.PHYSICAL_MEMORY, "sparsemem", "stress");
    return provider.create(
        ZoneLayouts.x86_64(MemoryMap.pc((long) (SECTIONS + 64) << Pages.SECTION_SIZE_BITS)),
        Contents.NONE,
        Options.of(provider, Map.of(), "stress"));
  }

  /** A section of {@code mem_map} that nobody has touched. */
  private static final class Section {
    final MemMap map = SPARSE.memMap();
    private final long first =
        (long) (40 + Math.floorMod(NEXT.getAndIncrement(), SECTIONS)) * Pages.PAGES_PER_SECTION;

    /** Frame numbers of two neighbours. */
    final long one = first + 1000;

    final long other = first + 1001;

    Section() {
      forget();
    }

    /** Makes it untouched again. */
    void forget() {
      map.initOwners(first, first + Pages.PAGES_PER_SECTION, FrameOwner.FREE);
    }
  }

  /** Both write their own frame of a section of which nothing exists yet. */
  @JCStressTest
  @Description("Two CPUs are the first to touch one section of mem_map.")
  @Outcome(id = "ANON, FILE", expect = ACCEPTABLE, desc = "Each finds what it wrote.")
  @State
  public static class FirstTouch {
    private final Section section = new Section();

    /** Writes its frame. */
    @Actor
    public void one() {
      section.map.setOwner(section.one, FrameOwner.ANON);
    }

    /** Writes its frame. */
    @Actor
    public void other() {
      section.map.setOwner(section.other, FrameOwner.FILE);
    }

    /** Reads both. */
    @Arbiter
    public void look(LL_Result r) {
      r.r1 = section.map.owner(section.one).toString();
      r.r2 = section.map.owner(section.other).toString();
      section.forget();
    }
  }

  /** One touches a section first while the other looks at a frame of it. */
  @JCStressTest
  @Description("A CPU reads a frame of a section that another one is first to touch.")
  @Outcome(id = "ANON, FREE", expect = ACCEPTABLE, desc = "The frame is as boot left it.")
  @State
  public static class FirstTouchSeen {
    private final Section section = new Section();
    private FrameOwner seen = FrameOwner.FREE;

    /** Touches. */
    @Actor
    public void touch() {
      section.map.setOwner(section.one, FrameOwner.ANON);
    }

    /** Reads another frame. */
    @Actor
    public void read() {
      seen = section.map.owner(section.other);
    }

    /** Both together. */
    @Arbiter
    public void look(LL_Result r) {
      r.r1 = section.map.owner(section.one).toString();
      r.r2 = seen.toString();
      section.forget();
    }
  }

  /** Both write a field that no frame of the section had so far. */
  @JCStressTest
  @Description("Two CPUs are the first to use a field of struct page in one section.")
  @Outcome(id = "1 2 3 4, 5 6 7 8", expect = ACCEPTABLE, desc = "Each finds what it wrote.")
  @State
  public static class FirstUseOfAField {
    private final Section section = new Section();

    /** Makes the section, so that only the fields are new. */
    public FirstUseOfAField() {
      section.map.setOwner(section.one, FrameOwner.ANON);
    }

    private void write(long pfn, int value) {
      section.map.setPrivateData(pfn, value);
      section.map.setMapping(pfn, value + 1);
      section.map.setIndex(pfn, value + 2);
      section.map.setMapcount(pfn, value + 3);
    }

    private String read(long pfn) {
      return section.map.privateData(pfn)
          + " "
          + section.map.mapping(pfn)
          + " "
          + section.map.index(pfn)
          + " "
          + section.map.mapcount(pfn);
    }

    /** Writes its frame. */
    @Actor
    public void one() {
      write(section.one, 1);
    }

    /** Writes its frame. */
    @Actor
    public void other() {
      write(section.other, 5);
    }

    /** Reads both. */
    @Arbiter
    public void look(LL_Result r) {
      r.r1 = read(section.one);
      r.r2 = read(section.other);
      section.forget();
    }
  }

  /** A page with two references, given up by both holders at once: it goes back exactly once. */
  @JCStressTest
  @Description("Two holders of one page give up their references at once.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "The page went back once.")
  @State
  public static class LastReference {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker one = new Worker(box, 0);
    private final Worker other = new Worker(box, 1);

    /** One page, two references. */
    public LastReference() {
      one.asOwner(() -> one.take(Gfp.GFP_NOWAIT, 0));
      one.shareWith(other, box.machine.memory().memMap());
    }

    /** Gives up. */
    @Actor
    public void one() {
      one.asOwner(() -> one.give(false));
    }

    /** Gives up. */
    @Actor
    public void other() {
      other.asOwner(() -> other.give(false));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      one.freed = 1;
      other.freed = 0;
      r.r1 = box.check(one, other);
    }
  }

  /** A holder takes one more reference while another one gives its own up. */
  @JCStressTest
  @Description("One holder of a page takes a reference while another one gives up its own.")
  @Outcome(id = "2", expect = ACCEPTABLE, desc = "Two and one less and one more.")
  @State
  public static class GetAndPut {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker one = new Worker(box, 0);
    private final Worker other = new Worker(box, 1);
    private final MemMap map = box.machine.memory().memMap();
    private final long pfn;

    /** One page, two references. */
    public GetAndPut() {
      one.asOwner(() -> one.take(Gfp.GFP_NOWAIT, 0));
      pfn = one.shareWith(other, map);
    }

    /** One more. */
    @Actor
    public void get() {
      map.get(pfn);
    }

    /** One less. */
    @Actor
    public void put() {
      other.asOwner(() -> other.give(false));
    }

    /** Counts, and gives up what is left. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = Integer.toString(map.refcount(pfn));
      if (map.refcount(pfn) == 2) {
        map.setRefcount(pfn, 1);
        other.freed = 0;
        box.check(one, other);
      }
    }
  }

  /** The holder lets go while somebody finds the page: {@code get_page_unless_zero()}. */
  @JCStressTest
  @Description("A held page is dropped while another CPU looks for a reference to it.")
  @Outcome(id = "1, 7", expect = ACCEPTABLE, desc = "It was found, and has gone since.")
  @Outcome(id = "1, none", expect = ACCEPTABLE, desc = "It was gone.")
  @State
  public static class FoundWhileDropped {
    private final Section section = new Section();
    private boolean droppedByHolder;
    private boolean droppedByFinder;
    private String seen = "none";

    /** A page that is held. */
    public FoundWhileDropped() {
      section.map.prepare(section.one, 0, FrameOwner.KERNEL);
      section.map.hold(section.one, 0, FrameOwner.ANON, 0, 5, 7);
    }

    /** Lets go. */
    @Actor
    public void holder() {
      droppedByHolder = section.map.drop(section.one, 0);
    }

    /** Finds it, reads what the holder wrote, and lets go. */
    @Actor
    public void finder() {
      if (section.map.tryGet(section.one)) {
        seen = Long.toString(section.map.index(section.one));
        droppedByFinder = section.map.drop(section.one, 0);
      }
    }

    /** One of the two had the last reference. */
    @Arbiter
    public void look(LL_Result r) {
      boolean bare = !section.map.isHeld(section.one) && section.map.refcount(section.one) == 1;
      r.r1 = bare ? (droppedByHolder ? 1 : 0) + (droppedByFinder ? 1 : 0) : "held";
      r.r2 = seen;
      section.forget();
    }
  }

  /** Somebody finds a page while another holder freezes it, to split it or to give it away. */
  @JCStressTest
  @Description("A held page is frozen while another CPU looks for a reference to it.")
  @Outcome(id = "true, false", expect = ACCEPTABLE, desc = "Frozen first: nobody finds it.")
  @Outcome(id = "false, true", expect = ACCEPTABLE, desc = "Found first: it does not freeze.")
  @State
  public static class FoundWhileFrozen {
    private final Section section = new Section();
    private boolean frozen;
    private boolean found;

    /** A page that is held. */
    public FoundWhileFrozen() {
      section.map.prepare(section.one, 0, FrameOwner.KERNEL);
      section.map.hold(section.one, 0, FrameOwner.ANON, 0, 5, 7);
    }

    /** Freezes. */
    @Actor
    public void freezer() {
      frozen = section.map.freeze(section.one, 1);
    }

    /** Finds. */
    @Actor
    public void finder() {
      found = section.map.tryGet(section.one);
    }

    /** Both together. */
    @Arbiter
    public void look(LL_Result r) {
      r.r1 = frozen;
      r.r2 = found;
      section.forget();
    }
  }
}
