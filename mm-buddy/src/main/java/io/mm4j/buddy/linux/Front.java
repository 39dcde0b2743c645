// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

/**
 * Everything that the fast path of an allocation touches for single pages of one kind - zone and
 * migratetype - on one CPU.
 *
 * @param zone the preferred zone
 * @param pcp the CPU's lists there
 * @param list the one of this migratetype, order 0
 * @param reserve what the zone keeps from requests of this kind
 */
record Front(ZoneState zone, PcpPages pcp, PcpList list, long reserve) {}
