from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Request(_message.Message):
    __slots__ = ("init_quote", "get_quote", "get_launch_token", "report_error", "get_white_list_size", "get_white_list", "get_extended_group_id", "switch_extended_group", "register", "init_quote_ex", "get_quote_size_ex", "get_quote_ex", "check_update_status", "select_att_key_id", "get_supported_att_key_id_num", "get_supported_att_key_ids")
    class InitQuoteRequest(_message.Message):
        __slots__ = ("timeout",)
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        timeout: int
        def __init__(self, timeout: _Optional[int] = ...) -> None: ...
    class GetQuoteRequest(_message.Message):
        __slots__ = ("report", "quote_type", "spid", "nonce", "sig_rl", "buf_size", "qe_report", "timeout")
        REPORT_FIELD_NUMBER: _ClassVar[int]
        QUOTE_TYPE_FIELD_NUMBER: _ClassVar[int]
        SPID_FIELD_NUMBER: _ClassVar[int]
        NONCE_FIELD_NUMBER: _ClassVar[int]
        SIG_RL_FIELD_NUMBER: _ClassVar[int]
        BUF_SIZE_FIELD_NUMBER: _ClassVar[int]
        QE_REPORT_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        report: bytes
        quote_type: int
        spid: bytes
        nonce: bytes
        sig_rl: bytes
        buf_size: int
        qe_report: bool
        timeout: int
        def __init__(self, report: _Optional[bytes] = ..., quote_type: _Optional[int] = ..., spid: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., sig_rl: _Optional[bytes] = ..., buf_size: _Optional[int] = ..., qe_report: _Optional[bool] = ..., timeout: _Optional[int] = ...) -> None: ...
    class GetLaunchTokenRequest(_message.Message):
        __slots__ = ("mr_enclave", "mr_signer", "se_attributes", "timeout")
        MR_ENCLAVE_FIELD_NUMBER: _ClassVar[int]
        MR_SIGNER_FIELD_NUMBER: _ClassVar[int]
        SE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        mr_enclave: bytes
        mr_signer: bytes
        se_attributes: bytes
        timeout: int
        def __init__(self, mr_enclave: _Optional[bytes] = ..., mr_signer: _Optional[bytes] = ..., se_attributes: _Optional[bytes] = ..., timeout: _Optional[int] = ...) -> None: ...
    class ReportErrorRequest(_message.Message):
        __slots__ = ("platform_info", "attestation_error_code", "update_info_size", "timeout")
        PLATFORM_INFO_FIELD_NUMBER: _ClassVar[int]
        ATTESTATION_ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        UPDATE_INFO_SIZE_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        platform_info: bytes
        attestation_error_code: int
        update_info_size: int
        timeout: int
        def __init__(self, platform_info: _Optional[bytes] = ..., attestation_error_code: _Optional[int] = ..., update_info_size: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    class GetWhiteListSizeRequest(_message.Message):
        __slots__ = ("timeout",)
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        timeout: int
        def __init__(self, timeout: _Optional[int] = ...) -> None: ...
    class GetWhiteListRequest(_message.Message):
        __slots__ = ("white_list_size", "timeout")
        WHITE_LIST_SIZE_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        white_list_size: int
        timeout: int
        def __init__(self, white_list_size: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    class GetExtendedGroupIdRequest(_message.Message):
        __slots__ = ("timeout",)
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        timeout: int
        def __init__(self, timeout: _Optional[int] = ...) -> None: ...
    class SwitchExtendedGroupRequest(_message.Message):
        __slots__ = ("x_group_id", "timeout")
        X_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        x_group_id: int
        timeout: int
        def __init__(self, x_group_id: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    class RegisterRequest(_message.Message):
        __slots__ = ("buf", "data_type", "timeout")
        BUF_FIELD_NUMBER: _ClassVar[int]
        DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        buf: bytes
        data_type: int
        timeout: int
        def __init__(self, buf: _Optional[bytes] = ..., data_type: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    class InitQuoteExRequest(_message.Message):
        __slots__ = ("att_key_id", "b_pub_key_id", "buf_size", "timeout")
        ATT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        B_PUB_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        BUF_SIZE_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        att_key_id: bytes
        b_pub_key_id: bool
        buf_size: int
        timeout: int
        def __init__(self, att_key_id: _Optional[bytes] = ..., b_pub_key_id: _Optional[bool] = ..., buf_size: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    class GetQuoteSizeExRequest(_message.Message):
        __slots__ = ("att_key_id", "timeout")
        ATT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        att_key_id: bytes
        timeout: int
        def __init__(self, att_key_id: _Optional[bytes] = ..., timeout: _Optional[int] = ...) -> None: ...
    class GetQuoteExRequest(_message.Message):
        __slots__ = ("report", "att_key_id", "qe_report_info", "buf_size", "timeout")
        REPORT_FIELD_NUMBER: _ClassVar[int]
        ATT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        QE_REPORT_INFO_FIELD_NUMBER: _ClassVar[int]
        BUF_SIZE_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        report: bytes
        att_key_id: bytes
        qe_report_info: bytes
        buf_size: int
        timeout: int
        def __init__(self, report: _Optional[bytes] = ..., att_key_id: _Optional[bytes] = ..., qe_report_info: _Optional[bytes] = ..., buf_size: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    class CheckUpdateStatusRequest(_message.Message):
        __slots__ = ("platform_info", "update_info_size", "config", "timeout")
        PLATFORM_INFO_FIELD_NUMBER: _ClassVar[int]
        UPDATE_INFO_SIZE_FIELD_NUMBER: _ClassVar[int]
        CONFIG_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        platform_info: bytes
        update_info_size: int
        config: int
        timeout: int
        def __init__(self, platform_info: _Optional[bytes] = ..., update_info_size: _Optional[int] = ..., config: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    class SelectAttKeyIdRequest(_message.Message):
        __slots__ = ("att_key_id_list", "timeout")
        ATT_KEY_ID_LIST_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        att_key_id_list: bytes
        timeout: int
        def __init__(self, att_key_id_list: _Optional[bytes] = ..., timeout: _Optional[int] = ...) -> None: ...
    class GetSupportedAttKeyIdNumRequest(_message.Message):
        __slots__ = ("timeout",)
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        timeout: int
        def __init__(self, timeout: _Optional[int] = ...) -> None: ...
    class GetSupportedAttKeyIdsRequest(_message.Message):
        __slots__ = ("buf_size", "timeout")
        BUF_SIZE_FIELD_NUMBER: _ClassVar[int]
        TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        buf_size: int
        timeout: int
        def __init__(self, buf_size: _Optional[int] = ..., timeout: _Optional[int] = ...) -> None: ...
    INIT_QUOTE_FIELD_NUMBER: _ClassVar[int]
    GET_QUOTE_FIELD_NUMBER: _ClassVar[int]
    GET_LAUNCH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REPORT_ERROR_FIELD_NUMBER: _ClassVar[int]
    GET_WHITE_LIST_SIZE_FIELD_NUMBER: _ClassVar[int]
    GET_WHITE_LIST_FIELD_NUMBER: _ClassVar[int]
    GET_EXTENDED_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    SWITCH_EXTENDED_GROUP_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    INIT_QUOTE_EX_FIELD_NUMBER: _ClassVar[int]
    GET_QUOTE_SIZE_EX_FIELD_NUMBER: _ClassVar[int]
    GET_QUOTE_EX_FIELD_NUMBER: _ClassVar[int]
    CHECK_UPDATE_STATUS_FIELD_NUMBER: _ClassVar[int]
    SELECT_ATT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    GET_SUPPORTED_ATT_KEY_ID_NUM_FIELD_NUMBER: _ClassVar[int]
    GET_SUPPORTED_ATT_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    init_quote: Request.InitQuoteRequest
    get_quote: Request.GetQuoteRequest
    get_launch_token: Request.GetLaunchTokenRequest
    report_error: Request.ReportErrorRequest
    get_white_list_size: Request.GetWhiteListSizeRequest
    get_white_list: Request.GetWhiteListRequest
    get_extended_group_id: Request.GetExtendedGroupIdRequest
    switch_extended_group: Request.SwitchExtendedGroupRequest
    register: Request.RegisterRequest
    init_quote_ex: Request.InitQuoteExRequest
    get_quote_size_ex: Request.GetQuoteSizeExRequest
    get_quote_ex: Request.GetQuoteExRequest
    check_update_status: Request.CheckUpdateStatusRequest
    select_att_key_id: Request.SelectAttKeyIdRequest
    get_supported_att_key_id_num: Request.GetSupportedAttKeyIdNumRequest
    get_supported_att_key_ids: Request.GetSupportedAttKeyIdsRequest
    def __init__(self, init_quote: _Optional[_Union[Request.InitQuoteRequest, _Mapping]] = ..., get_quote: _Optional[_Union[Request.GetQuoteRequest, _Mapping]] = ..., get_launch_token: _Optional[_Union[Request.GetLaunchTokenRequest, _Mapping]] = ..., report_error: _Optional[_Union[Request.ReportErrorRequest, _Mapping]] = ..., get_white_list_size: _Optional[_Union[Request.GetWhiteListSizeRequest, _Mapping]] = ..., get_white_list: _Optional[_Union[Request.GetWhiteListRequest, _Mapping]] = ..., get_extended_group_id: _Optional[_Union[Request.GetExtendedGroupIdRequest, _Mapping]] = ..., switch_extended_group: _Optional[_Union[Request.SwitchExtendedGroupRequest, _Mapping]] = ..., register: _Optional[_Union[Request.RegisterRequest, _Mapping]] = ..., init_quote_ex: _Optional[_Union[Request.InitQuoteExRequest, _Mapping]] = ..., get_quote_size_ex: _Optional[_Union[Request.GetQuoteSizeExRequest, _Mapping]] = ..., get_quote_ex: _Optional[_Union[Request.GetQuoteExRequest, _Mapping]] = ..., check_update_status: _Optional[_Union[Request.CheckUpdateStatusRequest, _Mapping]] = ..., select_att_key_id: _Optional[_Union[Request.SelectAttKeyIdRequest, _Mapping]] = ..., get_supported_att_key_id_num: _Optional[_Union[Request.GetSupportedAttKeyIdNumRequest, _Mapping]] = ..., get_supported_att_key_ids: _Optional[_Union[Request.GetSupportedAttKeyIdsRequest, _Mapping]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("init_quote", "get_quote", "get_launch_token", "report_error", "get_white_list_size", "get_white_list", "get_extended_group_id", "switch_extended_group", "register", "init_quote_ex", "get_quote_size_ex", "get_quote_ex", "check_update_status", "select_att_key_id", "unsupported_request", "get_supported_att_key_id_num", "get_supported_att_key_ids")
    class InitQuoteResponse(_message.Message):
        __slots__ = ("error_code", "target_info", "gid")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        TARGET_INFO_FIELD_NUMBER: _ClassVar[int]
        GID_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        target_info: bytes
        gid: bytes
        def __init__(self, error_code: _Optional[int] = ..., target_info: _Optional[bytes] = ..., gid: _Optional[bytes] = ...) -> None: ...
    class GetQuoteResponse(_message.Message):
        __slots__ = ("error_code", "quote", "qe_report")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        QUOTE_FIELD_NUMBER: _ClassVar[int]
        QE_REPORT_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        quote: bytes
        qe_report: bytes
        def __init__(self, error_code: _Optional[int] = ..., quote: _Optional[bytes] = ..., qe_report: _Optional[bytes] = ...) -> None: ...
    class GetLaunchTokenResponse(_message.Message):
        __slots__ = ("error_code", "token")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        TOKEN_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        token: bytes
        def __init__(self, error_code: _Optional[int] = ..., token: _Optional[bytes] = ...) -> None: ...
    class ReportErrorResponse(_message.Message):
        __slots__ = ("error_code", "platform_update_info")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        PLATFORM_UPDATE_INFO_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        platform_update_info: bytes
        def __init__(self, error_code: _Optional[int] = ..., platform_update_info: _Optional[bytes] = ...) -> None: ...
    class GetWhiteListSizeResponse(_message.Message):
        __slots__ = ("error_code", "white_list_size")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        WHITE_LIST_SIZE_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        white_list_size: int
        def __init__(self, error_code: _Optional[int] = ..., white_list_size: _Optional[int] = ...) -> None: ...
    class GetWhiteListResponse(_message.Message):
        __slots__ = ("error_code", "white_list")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        WHITE_LIST_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        white_list: bytes
        def __init__(self, error_code: _Optional[int] = ..., white_list: _Optional[bytes] = ...) -> None: ...
    class GetExtendedGroupIdResponse(_message.Message):
        __slots__ = ("error_code", "x_group_id")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        X_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        x_group_id: int
        def __init__(self, error_code: _Optional[int] = ..., x_group_id: _Optional[int] = ...) -> None: ...
    class SwitchExtendedGroupResponse(_message.Message):
        __slots__ = ("error_code",)
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        def __init__(self, error_code: _Optional[int] = ...) -> None: ...
    class RegisterResponse(_message.Message):
        __slots__ = ("error_code",)
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        def __init__(self, error_code: _Optional[int] = ...) -> None: ...
    class InitQuoteExResponse(_message.Message):
        __slots__ = ("error_code", "target_info", "pub_key_id_size", "pub_key_id")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        TARGET_INFO_FIELD_NUMBER: _ClassVar[int]
        PUB_KEY_ID_SIZE_FIELD_NUMBER: _ClassVar[int]
        PUB_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        target_info: bytes
        pub_key_id_size: int
        pub_key_id: bytes
        def __init__(self, error_code: _Optional[int] = ..., target_info: _Optional[bytes] = ..., pub_key_id_size: _Optional[int] = ..., pub_key_id: _Optional[bytes] = ...) -> None: ...
    class GetQuoteSizeExResponse(_message.Message):
        __slots__ = ("error_code", "quote_size")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        QUOTE_SIZE_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        quote_size: int
        def __init__(self, error_code: _Optional[int] = ..., quote_size: _Optional[int] = ...) -> None: ...
    class GetQuoteExResponse(_message.Message):
        __slots__ = ("error_code", "quote", "qe_report_info")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        QUOTE_FIELD_NUMBER: _ClassVar[int]
        QE_REPORT_INFO_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        quote: bytes
        qe_report_info: bytes
        def __init__(self, error_code: _Optional[int] = ..., quote: _Optional[bytes] = ..., qe_report_info: _Optional[bytes] = ...) -> None: ...
    class CheckUpdateStatusResponse(_message.Message):
        __slots__ = ("error_code", "platform_update_info", "status")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        PLATFORM_UPDATE_INFO_FIELD_NUMBER: _ClassVar[int]
        STATUS_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        platform_update_info: bytes
        status: int
        def __init__(self, error_code: _Optional[int] = ..., platform_update_info: _Optional[bytes] = ..., status: _Optional[int] = ...) -> None: ...
    class SelectAttKeyIdResponse(_message.Message):
        __slots__ = ("error_code", "selected_att_key_id")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        SELECTED_ATT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        selected_att_key_id: bytes
        def __init__(self, error_code: _Optional[int] = ..., selected_att_key_id: _Optional[bytes] = ...) -> None: ...
    class UnsupportedRequestResponse(_message.Message):
        __slots__ = ("error_code",)
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        def __init__(self, error_code: _Optional[int] = ...) -> None: ...
    class GetSupportedAttKeyIdNumResponse(_message.Message):
        __slots__ = ("error_code", "att_key_id_num")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        ATT_KEY_ID_NUM_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        att_key_id_num: int
        def __init__(self, error_code: _Optional[int] = ..., att_key_id_num: _Optional[int] = ...) -> None: ...
    class GetSupportedAttKeyIdsResponse(_message.Message):
        __slots__ = ("error_code", "att_key_ids")
        ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
        ATT_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
        error_code: int
        att_key_ids: bytes
        def __init__(self, error_code: _Optional[int] = ..., att_key_ids: _Optional[bytes] = ...) -> None: ...
    INIT_QUOTE_FIELD_NUMBER: _ClassVar[int]
    GET_QUOTE_FIELD_NUMBER: _ClassVar[int]
    GET_LAUNCH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REPORT_ERROR_FIELD_NUMBER: _ClassVar[int]
    GET_WHITE_LIST_SIZE_FIELD_NUMBER: _ClassVar[int]
    GET_WHITE_LIST_FIELD_NUMBER: _ClassVar[int]
    GET_EXTENDED_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    SWITCH_EXTENDED_GROUP_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    INIT_QUOTE_EX_FIELD_NUMBER: _ClassVar[int]
    GET_QUOTE_SIZE_EX_FIELD_NUMBER: _ClassVar[int]
    GET_QUOTE_EX_FIELD_NUMBER: _ClassVar[int]
    CHECK_UPDATE_STATUS_FIELD_NUMBER: _ClassVar[int]
    SELECT_ATT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    UNSUPPORTED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    GET_SUPPORTED_ATT_KEY_ID_NUM_FIELD_NUMBER: _ClassVar[int]
    GET_SUPPORTED_ATT_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    init_quote: Response.InitQuoteResponse
    get_quote: Response.GetQuoteResponse
    get_launch_token: Response.GetLaunchTokenResponse
    report_error: Response.ReportErrorResponse
    get_white_list_size: Response.GetWhiteListSizeResponse
    get_white_list: Response.GetWhiteListResponse
    get_extended_group_id: Response.GetExtendedGroupIdResponse
    switch_extended_group: Response.SwitchExtendedGroupResponse
    register: Response.RegisterResponse
    init_quote_ex: Response.InitQuoteExResponse
    get_quote_size_ex: Response.GetQuoteSizeExResponse
    get_quote_ex: Response.GetQuoteExResponse
    check_update_status: Response.CheckUpdateStatusResponse
    select_att_key_id: Response.SelectAttKeyIdResponse
    unsupported_request: Response.UnsupportedRequestResponse
    get_supported_att_key_id_num: Response.GetSupportedAttKeyIdNumResponse
    get_supported_att_key_ids: Response.GetSupportedAttKeyIdsResponse
    def __init__(self, init_quote: _Optional[_Union[Response.InitQuoteResponse, _Mapping]] = ..., get_quote: _Optional[_Union[Response.GetQuoteResponse, _Mapping]] = ..., get_launch_token: _Optional[_Union[Response.GetLaunchTokenResponse, _Mapping]] = ..., report_error: _Optional[_Union[Response.ReportErrorResponse, _Mapping]] = ..., get_white_list_size: _Optional[_Union[Response.GetWhiteListSizeResponse, _Mapping]] = ..., get_white_list: _Optional[_Union[Response.GetWhiteListResponse, _Mapping]] = ..., get_extended_group_id: _Optional[_Union[Response.GetExtendedGroupIdResponse, _Mapping]] = ..., switch_extended_group: _Optional[_Union[Response.SwitchExtendedGroupResponse, _Mapping]] = ..., register: _Optional[_Union[Response.RegisterResponse, _Mapping]] = ..., init_quote_ex: _Optional[_Union[Response.InitQuoteExResponse, _Mapping]] = ..., get_quote_size_ex: _Optional[_Union[Response.GetQuoteSizeExResponse, _Mapping]] = ..., get_quote_ex: _Optional[_Union[Response.GetQuoteExResponse, _Mapping]] = ..., check_update_status: _Optional[_Union[Response.CheckUpdateStatusResponse, _Mapping]] = ..., select_att_key_id: _Optional[_Union[Response.SelectAttKeyIdResponse, _Mapping]] = ..., unsupported_request: _Optional[_Union[Response.UnsupportedRequestResponse, _Mapping]] = ..., get_supported_att_key_id_num: _Optional[_Union[Response.GetSupportedAttKeyIdNumResponse, _Mapping]] = ..., get_supported_att_key_ids: _Optional[_Union[Response.GetSupportedAttKeyIdsResponse, _Mapping]] = ...) -> None: ...
