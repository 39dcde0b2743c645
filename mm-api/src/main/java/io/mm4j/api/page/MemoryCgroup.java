// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import org.apiguardian.api.API;

/**
 * A memory control group, as a value: {@code struct mem_cgroup}. No floor makes one yet, so that
 * requests carry none.
 *
 * @param id its number
 */
@API(status = API.Status.MAINTAINED)
public record MemoryCgroup(int id) {}
