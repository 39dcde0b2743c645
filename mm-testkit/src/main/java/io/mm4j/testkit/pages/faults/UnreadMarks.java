// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import io.mm4j.testkit.pages.model.ModelProvider;
import java.util.ArrayList;
import java.util.List;

/** The model, which says that it reads recorded marks and does not. */
final class UnreadMarks implements PageAllocatorProvider {
  private final ModelProvider model = new ModelProvider();

  @Override
  public String name() {
    return "marks-unread";
  }

  @Override
  public String summary() {
    return model.summary();
  }

  @Override
  public Capabilities capabilities() {
    return model.capabilities();
  }

  @Override
  public List<Setting> settings() {
    List<Setting> all = new ArrayList<>(model.settings());
    all.add(
        new Setting(
            Setting.Kind.SYSCTL, "recorded_watermarks", OptionSpec.Type.TEXT, "marks of a report"));
    return all;
  }

  @Override
  public PageAllocator create(Floors floors, Options options) {
    return model.create(floors, options);
  }
}
