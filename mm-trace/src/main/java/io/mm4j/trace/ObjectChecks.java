// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Looks whether objects overlap, are freed twice, as another cache's, or where none is, and who
 * holds those that are left ({@code kmemleak}). Works on requests and frees, so on any slab
 * allocator.
 */
final class ObjectChecks implements TraceSink {
  /** An object that somebody has. */
  private record Live(long end, String cache, String stack) {}

  private final TreeMap<Long, Live> live = new TreeMap<>();
  private final Map<Long, String> freedBy = new HashMap<>();
  private final Consumer<? super String> listener;

  ObjectChecks(Consumer<? super String> listener) {
    this.listener = listener;
  }

  private static String name(@Nullable KmemCache cache) {
    return cache == null ? "large kmalloc" : cache.name();
  }

  @Override
  public void alloc(
      Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {
    if (SlabAllocator.isZeroOrNull(paddr)) {
      return;
    }
    long end = paddr + bytesAlloc;
    Map.Entry<Long, Live> below = live.lowerEntry(end);
    if (below != null && below.getValue().end > paddr) {
      listener.accept(
          String.format(
              "overlap: object ptr=0x%x of %s, %d bytes, was given out while ptr=0x%x of %s is"
                  + " held, allocated at%n%s",
              paddr,
              name(cache),
              bytesAlloc,
              below.getKey(),
              below.getValue().cache,
              below.getValue().stack));
      live.remove(below.getKey()); // the later holder has it from now on
    }
    live.put(paddr, new Live(end, name(cache), Holders.stack()));
    freedBy.remove(paddr);
  }

  @Override
  public void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
    if (SlabAllocator.isZeroOrNull(paddr)) {
      return;
    }
    Live object = live.remove(paddr);
    String here = Holders.stack();
    if (object == null) {
      listener.accept(notLive(paddr, here));
      return;
    }
    if (cache != null && !cache.name().equals(object.cache)) {
      listener.accept(
          String.format(
              "wrong cache: object ptr=0x%x of %s is freed as one of %s at%n%s%n  and was"
                  + " allocated at%n%s",
              paddr, object.cache, cache.name(), here, object.stack));
    }
    freedBy.put(paddr, here);
  }

  private String notLive(long paddr, String here) {
    String before = freedBy.get(paddr);
    if (before != null) {
      return String.format(
          "double free: object ptr=0x%x is freed at%n%s%n  and was at%n%s", paddr, here, before);
    }
    Map.Entry<Long, Live> below = live.lowerEntry(paddr);
    boolean inside = below != null && below.getValue().end > paddr;
    return String.format(
        "invalid free: ptr=0x%x is %s, freed at%n%s",
        paddr,
        inside
            ? String.format(
                "inside of object ptr=0x%x of %s", below.getKey(), below.getValue().cache)
            : "no object",
        here);
  }

  /** Adds what is held. */
  void held(Holders holders) {
    live.forEach(
        (paddr, object) ->
            holders.add(
                "%d bytes in %d objects of " + object.cache.replace("%", "%%"),
                object.stack,
                object.end - paddr));
  }
}
