// SPDX-License-Identifier: Apache-2.0

package io.example.offheap;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.example.offheap.Store.Value;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The cache: shards with a lock each, the least recently used value of a shard goes first. A value
 * is its key, a stamp, and bytes that follow from both, so that a wrong byte is seen.
 */
final class Cache {
  private static final int SHARDS = 256;
  private static final int HEADER = 16;

  private static final class Shard {
    final ReentrantLock lock = new ReentrantLock();
    final Map<Long, Value> values = new LinkedHashMap<>(64, 0.75f, true);
  }

  private final Store store;
  private final Shard[] shards = new Shard[SHARDS];

  Cache(Store store) {
    this.store = store;
    for (int i = 0; i < SHARDS; i++) {
      shards[i] = new Shard();
    }
  }

  private Shard shard(long key) {
    return shards[(int) ((key * 0x9E37_79B9_7F4A_7C15L) >>> 56)];
  }

  /** Whether it is there; what is there is checked. */
  boolean get(long key) {
    Shard shard = shard(key);
    shard.lock.lock();
    try {
      Value value = shard.values.get(key);
      if (value == null) {
        return false;
      }
      check(key, value);
      return true;
    } finally {
      shard.lock.unlock();
    }
  }

  /** Puts a value of so many bytes, and evicts others until there is room. */
  int put(long key, int bytes) {
    int evicted = 0;
    Value value = store.take(Math.max(bytes, HEADER));
    for (int turn = 0; value == null; turn++) {
      if (turn > 4 * SHARDS) {
        throw new IllegalStateException("no room, and nothing to evict: bytes=" + bytes);
      }
      evicted += evict(shards[ThreadLocalRandom.current().nextInt(SHARDS)]);
      value = store.take(Math.max(bytes, HEADER));
    }
    fill(key, value);
    Shard shard = shard(key);
    Value old;
    shard.lock.lock();
    try {
      old = shard.values.put(key, value);
      if (old != null) {
        check(key, old);
        store.free(old);
      }
    } finally {
      shard.lock.unlock();
    }
    return evicted;
  }

  private int evict(Shard shard) {
    shard.lock.lock();
    try {
      int count = 0;
      Iterator<Map.Entry<Long, Value>> oldest = shard.values.entrySet().iterator();
      while (count < 8 && oldest.hasNext()) {
        Map.Entry<Long, Value> entry = oldest.next();
        check(entry.getKey(), entry.getValue());
        oldest.remove();
        store.free(entry.getValue());
        count++;
      }
      return count;
    } finally {
      shard.lock.unlock();
    }
  }

  private static void fill(long key, Value value) {
    long stamp = ThreadLocalRandom.current().nextLong();
    long size = value.bytes().byteSize();
    value.bytes().set(JAVA_LONG_UNALIGNED, 0, key);
    value.bytes().set(JAVA_LONG_UNALIGNED, 8, stamp);
    for (long at = HEADER; at + 8 <= size; at += 8) {
      value.bytes().set(JAVA_LONG_UNALIGNED, at, key * 31 + stamp + at);
    }
  }

  private static void check(long key, Value value) {
    long stamp = value.bytes().get(JAVA_LONG_UNALIGNED, 8);
    boolean good = value.bytes().get(JAVA_LONG_UNALIGNED, 0) == key;
    for (long at = HEADER; good && at + 8 <= value.bytes().byteSize(); at += 8) {
      good = value.bytes().get(JAVA_LONG_UNALIGNED, at) == key * 31 + stamp + at;
    }
    if (!good) {
      throw new IllegalStateException("a value has other bytes: key=" + key);
    }
  }

  /** Checks all values. */
  long checkAll() {
    long count = 0;
    for (Shard shard : shards) {
      shard.lock.lock();
      try {
        for (Map.Entry<Long, Value> entry : new HashMap<>(shard.values).entrySet()) {
          check(entry.getKey(), entry.getValue());
          count++;
        }
      } finally {
        shard.lock.unlock();
      }
    }
    return count;
  }

  /** Frees all values. */
  void clear() {
    for (Shard shard : shards) {
      while (evict(shard) > 0) {}
    }
  }
}
