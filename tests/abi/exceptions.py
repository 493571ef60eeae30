# SPDX-License-Identifier: MIT
"""What tests/abi cannot compare with Debian's headers, each with its reason.

A name of include/public that is neither comparable nor listed here makes the
check fail, and so does a name listed here that include/public does not have.
"""

# Names that only our headers have.
OURS_ONLY = {
    "DEFINE_XEN_GUEST_HANDLE_TYPE": "our spelling of the two-name form",
    "XEN_GUEST_HANDLE_": "inner half of XEN_GUEST_HANDLE",
    "XEN_RING_POW2": "our arithmetic behind __RING_SIZE",
    "XEN_RING_PASSED": "our arithmetic behind ..._CHECK_NOTIFY",
    "xen_mk_ulong_": "inner half of xen_mk_ulong",
    "__XEN_INTERFACE_VERSION__": "chosen by whoever compiles",
}

# Names that both have and that are no value: how they behave is compared by
# the structures they make, or by the unit test named.
BEHAVIOUR = {
    "DEFINE_XEN_GUEST_HANDLE": "sizes of all handles are compared",
    "XEN_GUEST_HANDLE": "sizes of all handles are compared",
    "XEN_GUEST_HANDLE_64": "sizes of all handles are compared",
    "XEN_GUEST_HANDLE_PARAM": "sizes of all handles are compared",
    "set_xen_guest_handle": "an assignment",
    "DEFINE_RING_TYPES": "its structures are compared",
    "GNTTABOP_error_msgs": "texts are our own",
    "xen_mb": "unit test ring",
    "xen_rmb": "unit test ring",
    "xen_wmb": "unit test ring",
    "SHARED_RING_INIT": "unit test ring",
    "FRONT_RING_ATTACH": "unit test ring",
    "FRONT_RING_INIT": "unit test ring",
    "BACK_RING_ATTACH": "unit test ring",
    "BACK_RING_INIT": "unit test ring",
    "RING_SIZE": "unit test ring",
    "RING_GET_REQUEST": "unit test ring",
    "RING_GET_RESPONSE": "unit test ring",
    "RING_COPY_REQUEST": "unit test ring",
    "RING_COPY_RESPONSE": "unit test ring",
    "RING_FREE_REQUESTS": "unit test ring",
    "RING_FULL": "unit test ring",
    "RING_HAS_UNCONSUMED_REQUESTS": "unit test ring",
    "RING_HAS_UNCONSUMED_RESPONSES": "unit test ring",
    "RING_REQUEST_CONS_OVERFLOW": "unit test ring",
    "RING_REQUEST_PROD_OVERFLOW": "unit test ring",
    "RING_RESPONSE_PROD_OVERFLOW": "unit test ring",
    "RING_PUSH_REQUESTS": "unit test ring",
    "RING_PUSH_RESPONSES": "unit test ring",
    "RING_PUSH_REQUESTS_AND_CHECK_NOTIFY": "unit test ring",
    "RING_PUSH_RESPONSES_AND_CHECK_NOTIFY": "unit test ring",
    "RING_FINAL_CHECK_FOR_REQUESTS": "unit test ring",
    "RING_FINAL_CHECK_FOR_RESPONSES": "unit test ring",
    "__RING_SIZE": "unit test ring",
    "x86_mcinfo_nentries": "needs a record to walk",
    "x86_mcinfo_first": "needs a record to walk",
    "x86_mcinfo_next": "needs a record to walk",
    "xen_wc_sec_hi": "another name of a member that is compared",
}

# Function-like macros that yield a value: expressions to compare. Each must
# use its macro.
SAMPLES = {
    "MASK_XENCONS_IDX": [
        "MASK_XENCONS_IDX(1029, ((struct xencons_interface *)0)->in)",
        "MASK_XENCONS_IDX(4101, ((struct xencons_interface *)0)->out)",
    ],
    "MASK_XENSTORE_IDX": ["MASK_XENSTORE_IDX(1030)", "MASK_XENSTORE_IDX(7)"],
    "TI_GET_DPL": ["TI_GET_DPL(&(struct trap_info){.flags = 7})"],
    "TI_GET_IF": ["TI_GET_IF(&(struct trap_info){.flags = 7})"],
    "TI_SET_DPL": [
        "({ struct trap_info t = {0}; TI_SET_DPL(&t, 3); t.flags; })"
    ],
    "TI_SET_IF": ["({ struct trap_info t = {0}; TI_SET_IF(&t, 9); t.flags; })"],
    "TRC_HD_TO_EVENT": ["TRC_HD_TO_EVENT(0xf1234567u)"],
    "TRC_HD_INCLUDES_CYCLE_COUNT": [
        "TRC_HD_INCLUDES_CYCLE_COUNT(0x80000000u)",
        "TRC_HD_INCLUDES_CYCLE_COUNT(0x7fffffffu)",
    ],
    "TRC_HD_EXTRA": ["TRC_HD_EXTRA(0xd1234567u)"],
    "TRC_PV_HYPERCALL_V2_ARG_32": ["TRC_PV_HYPERCALL_V2_ARG_32(4)"],
    "TRC_PV_HYPERCALL_V2_ARG_64": ["TRC_PV_HYPERCALL_V2_ARG_64(4)"],
    "XENMEMF_address_bits": ["XENMEMF_address_bits(31)"],
    "XENMEMF_get_address_bits": ["XENMEMF_get_address_bits(0x1234)"],
    "XENMEMF_node": ["XENMEMF_node(3)"],
    "XENMEMF_get_node": ["XENMEMF_get_node(0x1234)"],
    "XENMEMF_exact_node": ["XENMEMF_exact_node(2)"],
    "XEN_CPUID_LEAF": ["XEN_CPUID_LEAF(3)"],
    "XEN_DOMCTL_GRANT_version": ["XEN_DOMCTL_GRANT_version(0x12)"],
    "xen_cr3_to_pfn": ["xen_cr3_to_pfn(0x123456000UL)"],
    "xen_pfn_to_cr3": ["xen_pfn_to_cr3(0x123456UL)"],
    "xen_mk_ulong": ["xen_mk_ulong(0xffffffff)"],
    "xen_vcpu_physid_to_x86_acpiid": [
        "xen_vcpu_physid_to_x86_acpiid(0x1234567890UL)"
    ],
    "xen_vcpu_physid_to_x86_apicid": [
        "xen_vcpu_physid_to_x86_apicid(0x1234567890UL)"
    ],
    "__CONST_RING_SIZE": [
        "__CONST_RING_SIZE(blkif, 4096)",
        "__CONST_RING_SIZE(blkif, 65536)",
        "__CONST_RING_SIZE(netif_tx, 4096)",
        "__CONST_RING_SIZE(netif_rx, 4096)",
        "__CONST_RING_SIZE(xen_netif_ctrl, 4096)",
    ],
}
