// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.process.faults.SpaceFaults;
import io.mm4j.testkit.process.rules.AccessCases;
import io.mm4j.testkit.process.rules.AdviceCases;
import io.mm4j.testkit.process.rules.AllocationCases;
import io.mm4j.testkit.process.rules.AnonCases;
import io.mm4j.testkit.process.rules.BootCases;
import io.mm4j.testkit.process.rules.BootPoolCases;
import io.mm4j.testkit.process.rules.CacheAdviceCases;
import io.mm4j.testkit.process.rules.CallCases;
import io.mm4j.testkit.process.rules.CollapseCases;
import io.mm4j.testkit.process.rules.CowCases;
import io.mm4j.testkit.process.rules.DrawnRules;
import io.mm4j.testkit.process.rules.EffectCases;
import io.mm4j.testkit.process.rules.FaultRules;
import io.mm4j.testkit.process.rules.FileCases;
import io.mm4j.testkit.process.rules.FileSizeCases;
import io.mm4j.testkit.process.rules.Floors;
import io.mm4j.testkit.process.rules.FolioCases;
import io.mm4j.testkit.process.rules.GigaCases;
import io.mm4j.testkit.process.rules.GuardCases;
import io.mm4j.testkit.process.rules.HugeCases;
import io.mm4j.testkit.process.rules.HugeFileCases;
import io.mm4j.testkit.process.rules.KernelMappingCases;
import io.mm4j.testkit.process.rules.KeyCases;
import io.mm4j.testkit.process.rules.LifeCases;
import io.mm4j.testkit.process.rules.LimitCases;
import io.mm4j.testkit.process.rules.LockCases;
import io.mm4j.testkit.process.rules.MergeCases;
import io.mm4j.testkit.process.rules.MmapCases;
import io.mm4j.testkit.process.rules.ModelRules;
import io.mm4j.testkit.process.rules.MountCases;
import io.mm4j.testkit.process.rules.MremapCases;
import io.mm4j.testkit.process.rules.NameCases;
import io.mm4j.testkit.process.rules.OtherProcessCases;
import io.mm4j.testkit.process.rules.PageCacheCases;
import io.mm4j.testkit.process.rules.PeerCases;
import io.mm4j.testkit.process.rules.PlaceCases;
import io.mm4j.testkit.process.rules.PolicyCases;
import io.mm4j.testkit.process.rules.ProcessRefusals;
import io.mm4j.testkit.process.rules.PromiseCases;
import io.mm4j.testkit.process.rules.RefusalCases;
import io.mm4j.testkit.process.rules.RoundTripCases;
import io.mm4j.testkit.process.rules.SegmentCases;
import io.mm4j.testkit.process.rules.SegmentUseCases;
import io.mm4j.testkit.process.rules.ShareRules;
import io.mm4j.testkit.process.rules.ShortageCases;
import io.mm4j.testkit.process.rules.StateRules;
import io.mm4j.testkit.process.rules.TableCases;
import io.mm4j.testkit.process.rules.TellingCases;
import io.mm4j.testkit.process.rules.UffdCases;
import io.mm4j.testkit.process.rules.UffdLifeCases;
import io.mm4j.testkit.process.rules.UffdWriteCases;
import io.mm4j.testkit.process.rules.VmaCases;
import io.mm4j.testkit.process.rules.WatchCases;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.ArrayList;
import java.util.List;

/** Everything about whole address spaces above a {@code vma-index}. */
public final class AddressSpaceSuite {
  /** The suite's name. */
  public static final String NAME = "address-space";

  private AddressSpaceSuite() {}

  /** The suite. */
  public static Suite<VmaIndexProvider> suite() {
    List<Rule<VmaIndexProvider>> rules = new ArrayList<>();
    rules.addAll(SpaceRules.all());
    rules.addAll(VmaCases.all());
    rules.addAll(MergeCases.all());
    rules.addAll(MremapCases.all());
    rules.addAll(AdviceCases.all());
    rules.addAll(HugeCases.all());
    rules.addAll(CollapseCases.all());
    rules.addAll(FileCases.all());
    rules.addAll(LockCases.all());
    rules.addAll(LimitCases.all());
    rules.addAll(PlaceCases.all());
    rules.addAll(AnonCases.all());
    rules.addAll(AllocationCases.all());
    rules.addAll(FolioCases.all());
    rules.addAll(CowCases.all());
    rules.addAll(GuardCases.all());
    rules.addAll(TableCases.all());
    rules.addAll(LifeCases.all());
    rules.addAll(MmapCases.all());
    rules.addAll(CallCases.all());
    rules.addAll(KernelMappingCases.all());
    rules.addAll(PeerCases.all());
    rules.addAll(FileSizeCases.all());
    rules.addAll(SegmentCases.all());
    rules.addAll(AccessCases.all());
    rules.addAll(HugeFileCases.all());
    rules.addAll(GigaCases.all());
    rules.addAll(EffectCases.all());
    rules.addAll(MountCases.all());
    rules.addAll(KeyCases.all());
    rules.addAll(TellingCases.all());
    rules.addAll(PolicyCases.all());
    rules.addAll(OtherProcessCases.all());
    rules.addAll(UffdCases.all());
    rules.addAll(UffdWriteCases.all());
    rules.addAll(UffdLifeCases.all());
    rules.addAll(SegmentUseCases.all());
    rules.addAll(PromiseCases.all());
    rules.addAll(CacheAdviceCases.all());
    rules.addAll(ShareRules.cases());
    rules.addAll(PageCacheCases.all());
    rules.addAll(WatchCases.all());
    rules.addAll(StateRules.all());
    rules.addAll(BootCases.all());
    rules.addAll(BootPoolCases.all());
    rules.addAll(RefusalCases.all());
    rules.addAll(ProcessRefusals.all());
    rules.addAll(ModelRules.all());
    rules.addAll(RoundTripCases.all());
    rules.addAll(ShortageCases.all());
    rules.addAll(DrawnRules.all());
    rules.addAll(FaultRules.all());
    rules.addAll(NameCases.all());
    return new Suite<>(
        NAME, Spi.VMA_INDEX, VmaIndexSuite.correct(), rules, SpaceFaults.all(), Floors.missing());
  }
}
