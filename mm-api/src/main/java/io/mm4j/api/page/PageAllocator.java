// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import java.util.List;
import java.util.Optional;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * {@code alloc_pages} over the zones of a machine: GFP flags, zonelists, watermarks, per-cpu lists,
 * fallback - as far as the plugin goes ({@code direct} has none of these).
 *
 * <p>A block is handed out with its frames owned by {@link io.mm4j.api.memory.FrameOwner#KERNEL},
 * the refcount of the first frame at 1, and its order in {@code mem_map}; the caller then says what
 * it is for. Every reference is given up by {@link #freePages} with the same order, or frame by
 * frame after {@link #splitPage}; the last one gives the block back. A frame that nobody was given,
 * one that is still mapped when its last reference goes, or an order that is not the block's, is
 * {@link io.mm4j.api.MisuseException}, and nothing changes.
 *
 * <p>Threads: any, each with a {@link Cpu} of its own. Hot calls allocate no Java object.
 */
@API(status = API.Status.MAINTAINED)
public interface PageAllocator {
  /** Out of memory. */
  long NO_PAGE = -1;

  /** The node of the CPU that asks. */
  int NUMA_NO_NODE = -1;

  /**
   * {@code __alloc_pages()}: the one core that every entry point ends in.
   *
   * @param gfp flags of {@link Gfp}
   * @param order 0 to 10
   * @param nodeId the preferred node, or {@link #NUMA_NO_NODE}
   * @return the first frame, or {@link #NO_PAGE}
   */
  long allocPages(Cpu cpu, int gfp, int order, int nodeId);

  /**
   * {@code __alloc_pages()} with a {@code nodemask}: only the nodes of the mask serve, the nearest
   * first. As in Linux, a request that cannot wait and may use reserves ({@link Gfp#GFP_ATOMIC}),
   * and one that helps to free memory, gets past the mask once the allowed nodes are short.
   *
   * @param nodes the nodes that may serve, kept by the caller and used again; null for all
   * @throws io.mm4j.api.MisuseException if no node of this machine is in the mask
   */
  long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes);

  /** {@code alloc_pages()} on the CPU's own node. */
  default long allocPages(Cpu cpu, int gfp, int order) {
    return allocPages(cpu, gfp, order, NUMA_NO_NODE);
  }

  /** {@code __free_pages()}: one reference less, and the block goes back when none is left. */
  void freePages(Cpu cpu, long pfn, int order);

  /**
   * This allocator for one CPU: what is called often is kept by the caller, who then does without
   * the look-ups of each call. Its results are those of {@link #allocPages} and {@link #freePages}
   * with that CPU, and the calls may be mixed. Only the owner of the CPU may use it.
   */
  default CpuPages on(Cpu cpu) {
    return new PlainCpuPages(this, cpu);
  }

  /**
   * {@code split_page()}: from now on the frames of this block are blocks of order 0, each with a
   * refcount of 1 and the owner of the block, to be freed singly. The caller holds the only
   * reference.
   */
  void splitPage(long pfn, int order);

  /**
   * Splits a block that its holder has frozen, and of which no frame is mapped, into held blocks of
   * a smaller order, to be dropped and freed one by one: {@code split_huge_page()}. What a block is
   * afterwards, and how many references it has, is said at {@link
   * io.mm4j.api.memory.MemMap#splitFolio}. {@link #splitPage} is for blocks that nobody holds.
   *
   * @param pfn the first frame
   * @param toOrder smaller than {@code order}
   */
  void splitFolio(long pfn, int order, int toOrder);

  /**
   * Gives the frames of a range to the caller, free ones by taking them, others by asking their
   * owners' migrators to move them away: {@code alloc_contig_range()}.
   *
   * <p>A block of any order moves as a whole, also one that only begins or ends in the range. The
   * allocator holds a reference of it while its owner is asked, and looks at owner and order again
   * once it has it.
   *
   * <p>The frames are handed out as blocks of order 0, each with a refcount of 1.
   *
   * <p>Of the flags, those count that say how much effort may be made (I/O, file systems, reclaim,
   * {@code __GFP_RETRY_MAYFAIL}), and {@code __GFP_ZERO}; those of a place are ignored. With any
   * other, such as {@code __GFP_NOFAIL}, {@code __GFP_NORETRY} or {@code __GFP_COMP}, the range is
   * refused: {@link RangeFlags}.
   *
   * @return whether the whole range is the caller's now; if not, nothing has changed hands
   */
  boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp);

  /** {@code free_contig_range()}: one reference less for each frame of the range. */
  default void freeContigRange(Cpu cpu, long startPfn, long endPfn) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      freePages(cpu, pfn, 0);
    }
  }

  /** {@code drain_all_pages()}: asks every CPU's lists back into the zones. */
  void drainAllPages(Cpu cpu);

  /** {@code alloc_pages_bulk()} from any node: see the one with a mask. */
  default int allocPagesBulk(Cpu cpu, int gfp, int nodeId, long[] pfns, int wanted) {
    return allocPagesBulk(cpu, gfp, nodeId, null, pfns, wanted);
  }

  /**
   * {@code alloc_pages_bulk()}: fills the empty places of an array with blocks of order 0, as many
   * as can be had without reclaim, at least one if a single request is served.
   *
   * @param nodes as of a single request
   * @param pfns places for frames; those that are not {@link #NO_PAGE} are left alone
   * @param wanted how many leading places of the array to look at
   * @return how many of these places hold a frame now
   * @throws io.mm4j.api.MisuseException if no node of this machine is in the mask
   */
  default int allocPagesBulk(
      Cpu cpu, int gfp, int nodeId, @Nullable NodeMask nodes, long[] pfns, int wanted) {
    int filled = 0;
    for (int i = 0; i < wanted; i++) {
      if (pfns[i] == NO_PAGE) {
        pfns[i] = allocPages(cpu, gfp, 0, nodeId, nodes);
        if (pfns[i] == NO_PAGE) {
          break;
        }
      }
      filled++;
    }
    return filled;
  }

  /**
   * Runs the background work that has come up: kswapd for the nodes that were woken. Nothing runs
   * by itself; whoever drives the machine calls this where a kernel thread would have run.
   *
   * @return how many pages were freed
   */
  default long runKswapd(Cpu cpu) {
    return 0;
  }

  /**
   * Somebody has freed or taken blocks of the zones directly, as a loader or a replay does: what
   * was remembered of their counts is looked up anew. Called by whoever did that, when done and
   * while nobody else uses the allocator. A plugin that remembers no counts has nothing to do.
   */
  default void freeBlocksChanged() {}

  /** Sets who receives the inner steps, or null for nobody; false if this plugin shows none. */
  default boolean watch(@Nullable PageEvents events) {
    return false;
  }

  /** The statistics, for a plugin that keeps them. */
  default Optional<PageStats> stats() {
    return Optional.empty();
  }

  /** The zones that it serves. */
  List<ManagedZone> zones();

  /** Free frames of all zones, without those on per-cpu lists. */
  default long freePages() {
    long pages = 0;
    for (ManagedZone zone : zones()) {
      pages += zone.frames().freePages();
    }
    return pages;
  }

  /** Frames on the per-cpu lists of all CPUs. */
  long pcpPages();

  /**
   * Compares lists, counters and owners with a walk; throws {@link io.mm4j.api.CorruptStateError}.
   */
  void validate();
}
