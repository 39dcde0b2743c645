// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import java.util.List;
import java.util.function.Function;

/** Provides {@link NaiveSlabAllocator}, or something made from it. */
public final class NaiveSlabs implements SlabAllocatorProvider {
  private final String name;
  private final Function<Floors, SlabAllocator> factory;

  /** The naive allocator itself. */
  public NaiveSlabs() {
    this("naive", NaiveSlabAllocator::new);
  }

  /** Another one. */
  public NaiveSlabs(String name, Function<Floors, SlabAllocator> factory) {
    this.name = name;
    this.factory = factory;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "one lock and few lines, for tests";
  }

  @Override
  public List<Setting> settings() {
    return List.of(
        Setting.parameter("slub_debug", OptionSpec.Type.TEXT, "flags for every cache: F Z P U"),
        Setting.parameter("slub_max_order", OptionSpec.Type.NUMBER, "largest order of a slab"),
        Setting.parameter("slub_min_order", OptionSpec.Type.NUMBER, "least order of a slab"),
        Setting.parameter("slub_min_objects", OptionSpec.Type.NUMBER, "objects of a slab"),
        Setting.parameter("slab_nomerge", OptionSpec.Type.TEXT, "caches share no slabs"));
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true, true, true, false);
  }

  @Override
  public SlabAllocator create(Floors floors, Options options) {
    return factory.apply(floors);
  }
}
