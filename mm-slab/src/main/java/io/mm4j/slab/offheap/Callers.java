// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Who allocated what is not freed yet. */
final class Callers {
  private static final Set<String> OURS =
      Set.of(Callers.class.getName(), OffHeap.class.getName(), OffHeapArena.class.getName());

  private static final StackWalker WALKER = StackWalker.getInstance();

  private final Map<Long, OffHeapLeak> live = new ConcurrentHashMap<>();

  void add(long offset, long bytes) {
    String caller =
        WALKER.walk(
            frames ->
                frames
                    .filter(f -> !isOurs(f.getClassName()))
                    .findFirst()
                    .map(f -> f.getClassName() + "." + f.getMethodName() + ":" + f.getLineNumber())
                    .orElse("?"));
    String thread = Thread.currentThread().getName();
    live.put(offset, new OffHeapLeak(offset, bytes, caller, thread));
  }

  private static boolean isOurs(String name) {
    return OURS.contains(name) || name.startsWith("java.lang.foreign.");
  }

  void remove(long offset) {
    live.remove(offset);
  }

  List<OffHeapLeak> list() {
    return live.values().stream().sorted(Comparator.comparingLong(OffHeapLeak::offset)).toList();
  }
}
