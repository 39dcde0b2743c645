// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * A {@link SlabAllocator} for one CPU: its calls do what the allocator's with that CPU do, for
 * less. Got by {@link SlabAllocator#on} and kept by whoever allocates often.
 *
 * <p><b>Fast paths.</b> {@link #kmalloc} and {@link #alloc} take the object on top of the {@link
 * ObjectSheaf} of their cache and mark it live; {@link #kfree} and {@link #free} find the sheaf by
 * what {@link ObjectFrames} says of the address, look whether a live object begins there, and put
 * it on top. No call depends on the plugin. All else is the plugin's: {@link #allocSlow}, {@link
 * #kmallocSlow}, {@link #freeSlow}. A cache whose sheaf is closed, and every cache of a plugin that
 * opens none, always goes there.
 *
 * <p>Threads: the owner of the CPU. Nothing is allocated on the heap.
 */
@API(status = API.Status.EXPERIMENTAL)
public abstract class CpuSlabs extends CpuPadding {
  /** {@code KMALLOC_NORMAL}. */
  public static final int KMALLOC_NORMAL = 0;

  /** {@code KMALLOC_CGROUP}: {@code __GFP_ACCOUNT}. */
  public static final int KMALLOC_CGROUP = 1;

  /** {@code KMALLOC_RECLAIM}: {@code __GFP_RECLAIMABLE}. */
  public static final int KMALLOC_RECLAIM = 2;

  /** {@code KMALLOC_DMA}: {@code __GFP_DMA}. */
  public static final int KMALLOC_DMA = 3;

  /** How many kinds of {@code kmalloc()} there are. */
  public static final int KMALLOC_TYPES = 4;

  private static final int NOT_NORMAL = Gfp.__GFP_RECLAIMABLE | Gfp.__GFP_DMA | Gfp.__GFP_ACCOUNT;

  private static final int INDEX_BITS = 5;

  /** For requests of up to 8 KiB. */
  private static final int SLOTS = 8192 >>> KmallocSizes.SMALL_SHIFT;

  /** Bits of an address in 8 bytes that lie within a frame. */
  private static final int FRAME_UNIT_BITS = Pages.PAGE_SHIFT - ObjectFrames.MIN_SHIFT;

  private final Cpu cpu;
  private final int nodes;
  private final ObjectFrames frames;

  /** Its table, see {@link TableBytes}, and where in it the tags begin. */
  private final MemorySegment table;

  private final long tagsAt;
  private final MemorySegment ram;

  /** RAM that {@link ObjectFrames} knows, in units of 8 bytes. */
  private final long units;

  private final byte[] sizeIndex;

  /** By kind and index of the size. */
  private final ObjectSheaf[] kmallocs = new ObjectSheaf[KMALLOC_TYPES << INDEX_BITS];

  /** Of the normal kind and up to 8 KiB, by {@code (bytes - 1) >>> SMALL_SHIFT}. */
  private final ObjectSheaf[] normal = new ObjectSheaf[SLOTS];

  /** By cache. */
  private ObjectSheaf[] fronts = {};

  /** By tag: {@link #CLOSED} of another node's frames. */
  private ObjectSheaf[] backs = {CLOSED};

  /**
   * With nothing open.
   *
   * @param nodes how many nodes the machine has
   * @param frames shared by all CPUs
   * @param ram of the machine; empty if it has no bytes
   * @param sizeIndex of {@link KmallocSizes#small}
   */
  protected CpuSlabs(Cpu cpu, int nodes, ObjectFrames frames, MemorySegment ram, byte[] sizeIndex) {
    this.cpu = cpu;
    this.nodes = nodes;
    this.frames = frames;
    this.table = frames.bytes;
    this.tagsAt = frames.tagsAt;
    this.ram = ram;
    this.units = Math.min(ram.byteSize(), frames.end()) >>> ObjectFrames.MIN_SHIFT;
    this.sizeIndex = sizeIndex;
    Arrays.fill(kmallocs, CLOSED);
    Arrays.fill(normal, CLOSED);
  }

  /** The CPU. */
  public final Cpu cpu() {
    return cpu;
  }

  /** {@code kmalloc_type()}: the kind of cache that serves a request. */
  public static int kmallocType(int gfp) {
    if ((gfp & NOT_NORMAL) == 0) {
      return KMALLOC_NORMAL;
    }
    if ((gfp & Gfp.__GFP_DMA) != 0) {
      return KMALLOC_DMA;
    }
    return (gfp & Gfp.__GFP_RECLAIMABLE) != 0 ? KMALLOC_RECLAIM : KMALLOC_CGROUP;
  }

  /** {@link SlabAllocator#kmalloc}. */
  public final long kmalloc(long bytes, int gfp) {
    int slot = ((int) bytes - 1) >>> KmallocSizes.SMALL_SHIFT; // far away for 0
    ObjectSheaf[] all = normal;
    if ((gfp & NOT_NORMAL) != 0
        || (int) bytes != bytes
        || Integer.compareUnsigned(slot, all.length) >= 0) {
      return kmallocOther(bytes, gfp);
    }
    ObjectSheaf sheaf = all[slot];
    long[] objects = sheaf.front;
    int top = sheaf.top - 1;
    return Integer.compareUnsigned(top, objects.length) < 0
        ? handOut(sheaf, objects, top, gfp)
        : kmallocSlow(bytes, gfp, SlabAllocator.NUMA_NO_NODE);
  }

  /** The same of a large or a special one. */
  private long kmallocOther(long bytes, int gfp) {
    if (((bytes - 1) >>> 31) == 0) { // from 1 on
      int last = (int) bytes - 1;
      ObjectSheaf sheaf = kmallocs[kmallocType(gfp) << INDEX_BITS | index(last)];
      long[] objects = sheaf.front;
      int top = sheaf.top - 1;
      if (Integer.compareUnsigned(top, objects.length) < 0) {
        return handOut(sheaf, objects, top, gfp);
      }
    }
    return kmallocSlow(bytes, gfp, SlabAllocator.NUMA_NO_NODE);
  }

  /** {@link SlabAllocator#kmalloc} with a preferred node. */
  public final long kmalloc(long bytes, int gfp, int nodeId) {
    return nodeId < 0 || (nodeId == cpu.nodeId() && nodes == 1)
        ? kmalloc(bytes, gfp)
        : kmallocSlow(bytes, gfp, nodeId);
  }

  /** {@link SlabAllocator#kmemCacheAlloc}. */
  public final long alloc(KmemCache cache, int gfp) {
    int id = cache.id;
    ObjectSheaf[] all = fronts;
    if (id < all.length) {
      ObjectSheaf sheaf = all[id];
      long[] objects = sheaf.front;
      int top = sheaf.top - 1;
      if (Integer.compareUnsigned(top, objects.length) < 0) {
        return handOut(sheaf, objects, top, gfp);
      }
    }
    return allocSlow(cache, gfp, SlabAllocator.NUMA_NO_NODE);
  }

  /** {@link SlabAllocator#kmemCacheAlloc} with a preferred node. */
  public final long alloc(KmemCache cache, int gfp, int nodeId) {
    return nodeId < 0 || (nodeId == cpu.nodeId() && nodes == 1)
        ? alloc(cache, gfp)
        : allocSlow(cache, gfp, nodeId);
  }

  private long handOut(ObjectSheaf sheaf, long[] objects, int top, int gfp) {
    long paddr = objects[top];
    sheaf.top = top;
    TableBytes.put(table, sheaf.marksAt + (paddr >>> sheaf.shift), ObjectFrames.mark(paddr));
    if ((gfp & Gfp.__GFP_ZERO) != 0) {
      clear(paddr, sheaf.bytes);
    }
    return paddr;
  }

  /** {@link SlabAllocator#kfree}. */
  public final void kfree(long paddr) {
    if (!takeBack(0, paddr)) {
      freeSlow(null, paddr);
    }
  }

  /** {@link SlabAllocator#kmemCacheFree}. */
  public final void free(KmemCache cache, long paddr) {
    if (!takeBack(cache.id, paddr)) {
      freeSlow(cache, paddr);
    }
  }

  /** Puts an object into its sheaf, if there is room and a live object begins there. */
  private boolean takeBack(int id, long paddr) {
    long unit = Long.rotateRight(paddr, ObjectFrames.MIN_SHIFT);
    if (Long.compareUnsigned(unit, units) >= 0) {
      return false; // not aligned to 8, or nowhere
    }
    int tag = TableBytes.getInt(table, tagsAt + (unit >>> FRAME_UNIT_BITS) * Integer.BYTES);
    ObjectSheaf sheaf = last;
    if (tag != sheaf.tag) {
      ObjectSheaf[] all = backs;
      if (tag >= all.length) {
        return false;
      }
      sheaf = all[tag];
      last = sheaf;
    }
    long[] objects = sheaf.front;
    int top = sheaf.top;
    if (Integer.compareUnsigned(top, objects.length) >= 0 || (id != 0 && id != sheaf.cacheId)) {
      return false;
    }
    long mark = sheaf.marksAt + (paddr >>> sheaf.shift);
    if (TableBytes.get(table, mark) != ObjectFrames.mark(paddr)) {
      return false;
    }
    TableBytes.put(table, mark, (byte) 0);
    objects[top] = paddr;
    sheaf.top = top + 1;
    return true;
  }

  /** Fills an object with zeroes, up to the next multiple of 8. */
  protected final void clear(long paddr, int bytes) {
    if (ram.byteSize() == 0) {
      return;
    }
    if (bytes <= 128) {
      for (long at = paddr; at < paddr + bytes; at += Long.BYTES) {
        ram.set(JAVA_LONG, at, 0);
      }
    } else {
      ram.asSlice(paddr, (bytes + 7) & -8).fill((byte) 0);
    }
  }

  /** What {@link ObjectFrames} is to say of a slab. */
  protected final int tag(int cacheId, int nodeId) {
    return cacheId * nodes + nodeId;
  }

  /** The cache of a tag. */
  protected final int cacheId(int tag) {
    return tag / nodes;
  }

  /**
   * From now on requests for a cache take from a sheaf and its objects come back to it, as far as
   * it is open; those of other nodes' frames come the slow way.
   *
   * @throws IndexOutOfBoundsException if an object is in it that is not in RAM
   */
  protected final void setSheaf(ObjectSheaf sheaf) {
    int id = sheaf.cacheId;
    if (id >= fronts.length) {
      int length = Math.max(id + 1, fronts.length * 2);
      fronts = grown(fronts, length);
      backs = grown(backs, length * nodes);
    }
    sheaf.join(frames.marksAt(sheaf.shift), frames.end());
    sheaf.tag = tag(id, cpu.nodeId());
    fronts[id] = sheaf;
    backs[sheaf.tag] = sheaf;
    last = CLOSED;
  }

  /** From now on requests for a cache, which may be gone, and its objects come the slow way. */
  protected final void unsetSheaf(int cacheId) {
    if (cacheId < fronts.length) {
      fronts[cacheId] = CLOSED;
      backs[tag(cacheId, cpu.nodeId())] = CLOSED;
      last = CLOSED;
    }
    for (int i = 0; i < kmallocs.length; i++) {
      if (kmallocs[i].cacheId == cacheId) {
        setKmalloc(i >>> INDEX_BITS, i & (1 << INDEX_BITS) - 1, CLOSED);
      }
    }
  }

  /**
   * From now on {@code kmalloc()} of this kind and size takes from a sheaf.
   *
   * @param index of {@link KmallocSizes}
   */
  protected final void setKmalloc(int type, int index, ObjectSheaf sheaf) {
    kmallocs[type << INDEX_BITS | index] = sheaf;
    for (int slot = 0; type == KMALLOC_NORMAL && slot < SLOTS; slot++) {
      if (index(slot << KmallocSizes.SMALL_SHIFT) == index) {
        normal[slot] = sheaf;
      }
    }
  }

  /** The index of a request of one byte more. */
  private int index(int last) {
    return last < KmallocSizes.SMALL
        ? sizeIndex[last >>> KmallocSizes.SMALL_SHIFT]
        : 32 - Integer.numberOfLeadingZeros(last);
  }

  /**
   * Closes every sheaf: the owner comes the slow way next. Any thread; a sheaf that its owner opens
   * at the same moment stays open, so that he looks for requests after he has opened.
   */
  protected final void closeSheaves() {
    for (ObjectSheaf sheaf : fronts) {
      if (sheaf != CLOSED) {
        sheaf.close();
      }
    }
  }

  /** Opens every sheaf that was set. */
  protected final void openSheaves() {
    for (ObjectSheaf sheaf : fronts) {
      if (sheaf != CLOSED) {
        sheaf.open();
      }
    }
  }

  private static ObjectSheaf[] grown(ObjectSheaf[] old, int length) {
    ObjectSheaf[] longer = Arrays.copyOf(old, length);
    Arrays.fill(longer, old.length, length, CLOSED);
    return longer;
  }

  /** An allocation that the fast path does not serve, from its beginning. */
  protected abstract long allocSlow(KmemCache cache, int gfp, int nodeId);

  /** The same of {@code kmalloc()}, with any number of bytes. */
  protected abstract long kmallocSlow(long bytes, int gfp, int nodeId);

  /**
   * A free that the fast path does not take, from its beginning.
   *
   * @param cache whose object it should be; null if that is not said
   */
  protected abstract void freeSlow(@Nullable KmemCache cache, long paddr);
}
