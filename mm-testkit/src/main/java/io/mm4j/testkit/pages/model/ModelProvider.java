// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import java.util.List;
import java.util.function.Function;

/** Provides {@link ModelPages}, or one that is wrong on purpose. */
public final class ModelProvider implements PageAllocatorProvider {
  private final String name;
  private final boolean claims;
  private final Function<Floors, PageAllocator> factory;

  /** The model. */
  public ModelProvider() {
    this("model", floors -> new ModelPages(floors, new Choices(), new Hooks()));
  }

  /** Another one. */
  public ModelProvider(String name, Function<Floors, PageAllocator> factory) {
    this(name, factory, true);
  }

  /** Another one, which claims all that Linux does or nothing. */
  public ModelProvider(String name, Function<Floors, PageAllocator> factory, boolean claims) {
    this.name = name;
    this.factory = factory;
    this.claims = claims;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "what Linux decides, in plain collections, for tests";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(claims, claims, claims);
  }

  @Override
  public List<Setting> settings() {
    return Settings.READ;
  }

  @Override
  public PageAllocator create(Floors floors, Options options) {
    return factory.apply(floors);
  }
}
