// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.Zone;
import org.apiguardian.api.API;

/**
 * A zone together with the allocator of its free blocks: what a page allocator is given.
 *
 * @param zone the zone
 * @param frames its free blocks
 * @param capabilities what that plugin can do
 */
@API(status = API.Status.MAINTAINED)
public record ManagedZone(
    Zone zone, FrameAllocator frames, FrameAllocatorProvider.Capabilities capabilities) {}
