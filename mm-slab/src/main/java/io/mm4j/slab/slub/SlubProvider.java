// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import java.util.List;

/** Provides the slab allocator {@code slub}. */
public final class SlubProvider implements SlabAllocatorProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(true, true, true, true);

  /** For the service loader. */
  public SlubProvider() {}

  @Override
  public String name() {
    return "slub";
  }

  @Override
  public String summary() {
    return "as Linux 6.18: links in free objects, cpu slabs, partial lists, merging, sheaves";
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(
        new OptionSpec(
            "sheaves",
            OptionSpec.Type.TEXT,
            "linux",
            "per-cpu stacks of objects: linux (the caches that ask for them), all, off"),
        new OptionSpec(
            "large-lists",
            OptionSpec.Type.TEXT,
            "auto",
            "per-cpu stacks of blocks above 8 KiB: on, off, auto (on with sheaves=all)"));
  }

  @Override
  public List<Setting> settings() {
    return List.of(
        Setting.parameter(
            "slub_debug",
            OptionSpec.Type.TEXT,
            "FLAGS[,CACHE...][;...]: F checks, Z red zones, P poison, U tracks, - none, O not where"
                + " slabs would grow"),
        Setting.parameter("slab_debug", OptionSpec.Type.TEXT, "another name of slub_debug"),
        Setting.parameter("slub_max_order", OptionSpec.Type.NUMBER, "largest order of a slab, 3"),
        Setting.parameter("slub_min_order", OptionSpec.Type.NUMBER, "smallest order of a slab, 0"),
        Setting.parameter(
            "slub_min_objects", OptionSpec.Type.NUMBER, "objects of a slab; 0: by CPUs"),
        Setting.parameter("slab_nomerge", OptionSpec.Type.TEXT, "caches share no slabs"),
        Setting.parameter("slub_nomerge", OptionSpec.Type.TEXT, "another name of slab_nomerge"));
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public SlabAllocator create(Floors floors, Options options) {
    return new SlubAllocator(floors, SlubSettings.of(floors, options));
  }
}
